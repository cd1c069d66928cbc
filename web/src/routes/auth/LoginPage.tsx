import { Alert, Button, PasswordInput, Stack, Text } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useMutation } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { ApiError, api } from "@/api/client";
import type { SessionState } from "@/api/types";
import { ErrorState } from "@/ui/ErrorState";
import { Countdown, useNow } from "@/ui/time";
import { AuthLayout } from "./AuthLayout";
import { useEnter } from "./useEnter";

const route = getRouteApi("/login");

export default function LoginPage() {
  const { t } = useTranslation("auth");
  const { next } = route.useSearch();
  const enter = useEnter();
  const now = useNow("second");
  const [lockedUntil, setLockedUntil] = useState(0);
  const locked = lockedUntil > now;
  const form = useForm({
    initialValues: { password: "" },
    validate: { password: (value) => (value ? null : t("login.required")) },
  });
  const signIn = useMutation({
    mutationFn: (password: string) => api.post<SessionState>("/api/session", { password }),
    meta: { quiet: true },
    onSuccess: (session) => enter(session, next),
    onError: (error) => {
      if (!(error instanceof ApiError)) return;
      if (error.code === "invalid_password") form.setErrors({ password: error.message });
      if (error.status === 429) setLockedUntil(Date.now() + (error.retryAfter ?? 60) * 1_000);
    },
  });
  const { error } = signIn;
  const atField = error instanceof ApiError && (error.code === "invalid_password" || error.status === 429);

  return (
    <AuthLayout title={t("login.title")} description={t("login.description")}>
      <form onSubmit={form.onSubmit(({ password }) => signIn.mutate(password))}>
        <Stack>
          <PasswordInput
            label={t("password")}
            autoComplete="current-password"
            data-autofocus
            autoFocus
            size="md"
            {...form.getInputProps("password")}
          />
          {locked && (
            <Alert color="orange" role="alert" title={t("login.locked")}>
              <Text size="sm">
                {t("login.lockedFor")} <Countdown until={lockedUntil} />
              </Text>
            </Alert>
          )}
          {error && !atField && <ErrorState error={error} />}
          <Button type="submit" size="md" loading={signIn.isPending} disabled={locked}>
            {t("login.submit")}
          </Button>
        </Stack>
      </form>
    </AuthLayout>
  );
}
