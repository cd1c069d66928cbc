import { AppShell, Group, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Suspense } from "react";
import { useTranslation } from "react-i18next";
import { configQuery, updateQuery } from "@/api/queries";
import { AnchorLink, NavigationLink } from "@/ui/links";
import { NAVIGATION } from "./pages";
import classes from "./Shell.module.css";
import { DemoBadge } from "./tools";

/** The pages, in groups; below them what runs here. */
export function Navigation({ onNavigate }: { onNavigate: () => void }) {
  const { t } = useTranslation();
  return (
    <>
      <AppShell.Section grow className={classes.groups ?? ""}>
        {NAVIGATION.map((group) => (
          <div key={group.name} className={classes.group}>
            <Text className={classes.groupName} id={`nav-${group.name}`}>
              {t(`nav.${group.name}`)}
            </Text>
            <ul className={classes.pages} aria-labelledby={`nav-${group.name}`}>
              {group.pages.map(({ to, name, icon: Icon }) => (
                <li key={to}>
                  <NavigationLink
                    to={to}
                    label={t(`nav.${name}`)}
                    leftSection={<Icon size={18} stroke={1.7} aria-hidden />}
                    className={classes.page ?? ""}
                    onClick={onNavigate}
                    activeProps={{ active: true }}
                    activeOptions={{ includeSearch: false }}
                  />
                </li>
              ))}
            </ul>
          </div>
        ))}
      </AppShell.Section>
      <Running />
    </>
  );
}

function Running() {
  const { t } = useTranslation();
  const { data: config } = useQuery(configQuery);
  const { data: update } = useQuery(updateQuery);
  return (
    <Group justify="space-between" gap="xs" px="sm" pt="sm" mih={34} className={classes.running ?? ""}>
      <Text size="xs" c="dimmed">
        {config ? `v${config.version}` : ""}
      </Text>
      {config?.demo && (
        <Suspense fallback={null}>
          <DemoBadge />
        </Suspense>
      )}
      <AnchorLink to="/docs/api" size="xs">
        {t("nav.api")}
      </AnchorLink>
      {update?.newer && (
        <AnchorLink to="/update" size="xs">
          {t("shell.newVersion", { version: update.latest })}
        </AnchorLink>
      )}
    </Group>
  );
}
