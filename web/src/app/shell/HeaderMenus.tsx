import { ActionIcon, Menu, Tooltip, useMantineColorScheme } from "@mantine/core";
import {
  IconCheck,
  IconDeviceDesktop,
  IconLanguage,
  IconLogout,
  IconMoon,
  IconSun,
  IconUserCircle,
} from "@tabler/icons-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { LANGUAGES, type Language, switchLanguage } from "@/i18n";
import { useSignOut } from "./useSignOut";

function HeaderMenu({ label, icon, children }: { label: string; icon: ReactNode; children: ReactNode }) {
  return (
    <Menu position="bottom-end" width={190}>
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

const tick = (shown: boolean) => (shown ? <IconCheck size={14} aria-hidden /> : null);

export function LanguageMenu() {
  const { t, i18n } = useTranslation();
  return (
    <HeaderMenu label={t("shell.language")} icon={<IconLanguage size={20} stroke={1.7} aria-hidden />}>
      {Object.entries(LANGUAGES).map(([tag, name]) => (
        <Menu.Item
          key={tag}
          lang={tag}
          role="menuitemradio"
          aria-checked={tag === i18n.language}
          rightSection={tick(tag === i18n.language)}
          onClick={() => void switchLanguage(tag as Language)}
        >
          {name}
        </Menu.Item>
      ))}
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
      {THEMES.map(([name, Icon]) => (
        <Menu.Item
          key={name}
          role="menuitemradio"
          aria-checked={name === colorScheme}
          leftSection={<Icon size={16} aria-hidden />}
          rightSection={tick(name === colorScheme)}
          onClick={() => setColorScheme(name)}
        >
          {t(`shell.themes.${name}`)}
        </Menu.Item>
      ))}
    </HeaderMenu>
  );
}

export function AccountMenu() {
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
