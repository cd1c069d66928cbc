import { TagsInput, TextInput } from "@mantine/core";
import type { GetInputPropsReturnType } from "@mantine/form";
import { useTranslation } from "react-i18next";

interface Props {
  baseUrl: GetInputPropsReturnType;
  models: GetInputPropsReturnType;
}

/** Where the keys of an OpenAI-compatible service belong, and what they are for. */
export function AddressFields({ baseUrl, models }: Props) {
  const { t } = useTranslation("keys");
  return (
    <>
      <TextInput
        label={t("edit.baseUrl")}
        placeholder="https://api.example.com/v1"
        autoComplete="off"
        {...baseUrl}
      />
      <TagsInput label={t("edit.models")} splitChars={[",", "，", " "]} acceptValueOnBlur {...models} />
    </>
  );
}
