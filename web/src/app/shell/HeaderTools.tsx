import { ActionIcon, Badge, Box, Group, Menu, Tooltip, useMantineColorScheme } from "@mantine/core";
import {
  IconDeviceDesktop,
  IconLanguage,
  IconLogout,
  IconMoon,
  IconSun,
  IconUserCircle,
} from "@tabler/icons-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useFeedState } from "@/api/sse";
import { LANGUAGES, type Language, switchLanguage } from "@/i18n";
import { StatusDot } from "@/ui/StatusBadge";
import { useSignOut } from "./useSignOut";

/** The right end of the header. */
export function HeaderTools() {
  return (
    <>
      <LiveState />
      <Group gap={2} wrap="nowrap">
        <LanguageMenu />
        <ThemeMenu />
        <AccountMenu />
      </Group>
    </>
  );
}

function LiveState() {
  const { t } = useTranslation();
  const state = useFeedState();
  const label = state === "open" ? t("shell.live") : t("shell.reconnecting");
  return (
    <Tooltip label={label}>
      <Box role="status" aria-label={label} p={6}>
        <StatusDot tone={state === "open" ? "good" : "warning"} />
      </Box>
    </Tooltip>
  );
}

export function DemoBadge() {
  const { t } = useTranslation();
  return (
    <Tooltip label={t("shell.demoHint")} multiline w={220}>
      <Badge variant="light" color="orange" tt="none" tabIndex={0}>
        {t("shell.demo")}
      </Badge>
    </Tooltip>
  );
}

function HeaderMenu({ label, icon, children }: { label: string; icon: ReactNode; children: ReactNode }) {
  return (
    <Menu position="bottom-end" width={190} withinPortal={false}>
      <Menu.Target>
        <Tooltip label={label}>
          <ActionIcon variant="subtle" color="gray" size="lg" aria-label={label}>
            {icon}
          </ActionIcon>
        </Tooltip>
      </Menu.Target>
      <Menu.Dropdown>{children}</Menu.Dropdown>
    </Menu>
  );
}

export function LanguageMenu() {
  const { t, i18n } = useTranslation();
  return (
    <HeaderMenu label={t("shell.language")} icon={<IconLanguage size={20} stroke={1.7} aria-hidden />}>
      <Menu.RadioGroup value={i18n.language} onChange={(tag) => void switchLanguage(tag as Language)}>
        {Object.entries(LANGUAGES).map(([tag, name]) => (
          <Menu.RadioItem key={tag} value={tag} lang={tag} closeMenuOnClick>
            {name}
          </Menu.RadioItem>
        ))}
      </Menu.RadioGroup>
    </HeaderMenu>
  );
}

const THEMES = [
  ["auto", IconDeviceDesktop],
  ["light", IconSun],
  ["dark", IconMoon],
] as const;

export function ThemeMenu() {
  const { t } = useTranslation();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const Present = THEMES.find(([name]) => name === colorScheme)?.[1] ?? IconSun;
  return (
    <HeaderMenu label={t("shell.theme")} icon={<Present size={20} stroke={1.7} aria-hidden />}>
      <Menu.RadioGroup
        value={colorScheme}
        onChange={(name) => setColorScheme(THEMES.find(([each]) => each === name)?.[0] ?? "auto")}
      >
        {THEMES.map(([name, Icon]) => (
          <Menu.RadioItem
            key={name}
            value={name}
            closeMenuOnClick
            rightSection={<Icon size={16} aria-hidden />}
          >
            {t(`shell.themes.${name}`)}
          </Menu.RadioItem>
        ))}
      </Menu.RadioGroup>
    </HeaderMenu>
  );
}

function AccountMenu() {
  const { t } = useTranslation();
  const signOut = useSignOut();
  return (
    <HeaderMenu label={t("shell.account")} icon={<IconUserCircle size={20} stroke={1.7} aria-hidden />}>
      <Menu.Item leftSection={<IconLogout size={16} aria-hidden />} onClick={() => signOut.mutate()}>
        {t("shell.signOut")}
      </Menu.Item>
    </HeaderMenu>
  );
}
