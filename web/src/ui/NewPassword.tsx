import { PasswordInput } from "@mantine/core";
import type { GetInputPropsReturnType } from "@mantine/form";
import { useTranslation } from "react-i18next";

const SHORTEST = 8;
const LONGEST = 256;

/** What a new password must be, for a form with `password` and `again`. */
export function useNewPasswordRules() {
  const { t } = useTranslation();
  return {
    password: (value: string) =>
      value.length < SHORTEST || value.length > LONGEST
        ? t("newPassword.length", { min: SHORTEST, max: LONGEST })
        : null,
    again: (value: string, values: { password: string }) =>
      value === values.password ? null : t("newPassword.differs"),
  };
}

interface Props {
  password: GetInputPropsReturnType;
  again: GetInputPropsReturnType;
}

/** A new password, typed twice. */
export function NewPasswordFields({ password, again }: Props) {
  const { t } = useTranslation();
  return (
    <>
      <PasswordInput
        label={t("newPassword.label")}
        description={t("newPassword.hint", { min: SHORTEST })}
        autoComplete="new-password"
        {...password}
      />
      <PasswordInput label={t("newPassword.again")} autoComplete="new-password" {...again} />
    </>
  );
}
