import { Button, Code, Stack, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useMutation, useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { api } from "@/api/client";
import { sessionQuery } from "@/api/queries";
import type { SessionState } from "@/api/types";
import { ErrorState } from "@/ui/ErrorState";
import { ButtonLink } from "@/ui/links";
import { NewPasswordFields, useNewPasswordRules } from "@/ui/NewPassword";
import { AuthLayout } from "./AuthLayout";
import { useEnter } from "./useEnter";

const route = getRouteApi("/setup");

export default function SetupPage() {
  const { t } = useTranslation("auth");
  const { data: session } = useQuery(sessionQuery);
  if (session && !session.setupRequired) {
    return (
      <AuthLayout title={t("setup.doneTitle")} description={t("setup.doneBody")}>
        <ButtonLink to="/login" fullWidth>
          {t("login.submit")}
        </ButtonLink>
      </AuthLayout>
    );
  }
  return <SetupForm />;
}

function SetupForm() {
  const { t } = useTranslation("auth");
  const { token = "" } = route.useSearch();
  const enter = useEnter();
  const rules = useNewPasswordRules();
  const form = useForm({
    initialValues: { token, password: "", again: "" },
    validate: { ...rules, token: (value) => (value.trim() ? null : t("setup.tokenRequired")) },
  });
  const setUp = useMutation({
    mutationFn: ({ token, password }: { token: string; password: string }) =>
      api.post<SessionState>("/api/setup", { token: token.trim(), password }),
    meta: { quiet: true },
    onSuccess: (session) => enter(session),
  });
  return (
    <AuthLayout title={t("setup.title")} description={t("setup.description")}>
      <form onSubmit={form.onSubmit((values) => setUp.mutate(values))}>
        <Stack>
          {!token && (
            <TextInput
              label={t("setup.token")}
              description={
                <>
                  {t("setup.tokenHint")} <Code>/setup?token=…</Code>
                </>
              }
              autoComplete="off"
              {...form.getInputProps("token")}
            />
          )}
          <NewPasswordFields password={form.getInputProps("password")} again={form.getInputProps("again")} />
          {setUp.error && <ErrorState error={setUp.error} />}
          <Button type="submit" size="md" loading={setUp.isPending}>
            {t("setup.submit")}
          </Button>
        </Stack>
      </form>
    </AuthLayout>
  );
}
