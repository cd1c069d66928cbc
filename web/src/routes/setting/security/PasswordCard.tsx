import { Button, Group, PasswordInput, Stack } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { ApiError, api } from "@/api/client";
import { configQuery, sessionsQuery } from "@/api/queries";
import type { Done } from "@/api/types";
import { ErrorState } from "@/ui/ErrorState";
import { NewPasswordFields, useNewPasswordRules } from "@/ui/NewPassword";
import { Section } from "@/ui/Section";
import { notifyDone } from "@/ui/toast";

/** Whether an error belongs to one of the form's fields, which shows it. */
function isAtField(error: unknown): error is ApiError & { param: "current" | "password" } {
  return error instanceof ApiError && (error.param === "current" || error.param === "password");
}

export function PasswordCard({ hasPassword }: { hasPassword: boolean }) {
  const { t } = useTranslation("setting");
  const client = useQueryClient();
  const rules = useNewPasswordRules();
  const form = useForm({
    initialValues: { current: "", password: "", again: "" },
    validate: {
      ...rules,
      current: (value) => (hasPassword && !value ? t("password.currentRequired") : null),
    },
  });
  const change = useMutation({
    mutationFn: ({ current, password }: { current: string; password: string }) =>
      api.post<Done>("/api/password", { current: hasPassword ? current : null, password }),
    meta: { quiet: true },
    onSuccess: async () => {
      form.reset();
      notifyDone(t("password.changed"));
      await client.invalidateQueries({ queryKey: sessionsQuery.queryKey });
      await client.invalidateQueries({ queryKey: configQuery.queryKey });
    },
    onError: (error) => {
      if (isAtField(error)) form.setErrors({ [error.param]: error.message });
    },
  });
  const { error } = change;
  return (
    <Section
      title={hasPassword ? t("password.change") : t("password.set")}
      description={t("password.description")}
    >
      <form onSubmit={form.onSubmit((values) => change.mutate(values))}>
        <Stack maw={420}>
          {hasPassword && (
            <PasswordInput
              label={t("password.current")}
              autoComplete="current-password"
              {...form.getInputProps("current")}
            />
          )}
          <NewPasswordFields password={form.getInputProps("password")} again={form.getInputProps("again")} />
          {error && !isAtField(error) && <ErrorState error={error} />}
          <Group>
            <Button type="submit" loading={change.isPending}>
              {hasPassword ? t("password.change") : t("password.set")}
            </Button>
          </Group>
        </Stack>
      </form>
    </Section>
  );
}
