import { Alert, Group, Stack, Text } from "@mantine/core";
import { IconInfoCircle, IconShieldExclamation } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { ConfigSnapshot } from "@/api/types";
import { AnchorLink } from "@/ui/links";

/** What the operator should look at, each with the way there. */
export function Advice({ config }: { config: ConfigSnapshot }) {
  const { t } = useTranslation("dashboard");
  const noMode = !config.modes.relay && !config.modes.backend;
  const noPassword = !config.hasPassword;
  return (
    <>
      {noPassword && (
        <Alert color="orange" icon={<IconShieldExclamation aria-hidden />} title={t("advice.passwordTitle")}>
          <Group justify="space-between">
            <Text size="sm">{t("advice.passwordBody")}</Text>
            <AnchorLink to="/setting" search={{ tab: "security" }} size="sm">
              {t("advice.toSecurity")}
            </AnchorLink>
          </Group>
        </Alert>
      )}
      {noMode && (
        <Alert color="red" icon={<IconInfoCircle aria-hidden />} title={t("advice.modeTitle")}>
          <Group justify="space-between">
            <Text size="sm">{t("advice.modeBody")}</Text>
            <AnchorLink to="/setting" search={{ tab: "access" }} size="sm">
              {t("advice.toModes")}
            </AnchorLink>
          </Group>
        </Alert>
      )}
      {config.problems.length > 0 && (
        <Alert
          color="orange"
          icon={<IconInfoCircle aria-hidden />}
          title={t("advice.problems", { count: config.problems.length })}
        >
          <Stack gap={2}>
            {config.problems.slice(0, 5).map(({ path, message }) => (
              <Text key={path} size="sm">
                <Text span inherit ff="monospace">
                  {path}
                </Text>
                {": "}
                {message}
              </Text>
            ))}
          </Stack>
        </Alert>
      )}
    </>
  );
}
