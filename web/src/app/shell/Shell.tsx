import { AppShell, Box, Burger, Group } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { Link, Outlet } from "@tanstack/react-router";
import { type ReactNode, Suspense } from "react";
import { useTranslation } from "react-i18next";
import { useLiveCache } from "@/api/live";
import { Brand } from "./Brand";
import { Navigation } from "./Navigation";
import classes from "./Shell.module.css";
import { HeaderTools } from "./tools";

/** What surrounds the pages of somebody who is signed in. */
export function Shell({ children = <Outlet /> }: { children?: ReactNode }) {
  const { t } = useTranslation();
  const [open, { toggle, close }] = useDisclosure();
  useLiveCache();
  return (
    <AppShell
      header={{ height: 56 }}
      navbar={{ width: 232, breakpoint: "md", collapsed: { mobile: !open } }}
      padding={{ base: "md", sm: "xl" }}
      className={classes.ground ?? ""}
    >
      <a href="#content" className={classes.skip}>
        {t("shell.skip")}
      </a>
      <AppShell.Header className={classes.header ?? ""}>
        <Group h="100%" px="md" gap="sm" wrap="nowrap">
          <Burger
            opened={open}
            onClick={toggle}
            hiddenFrom="md"
            size="sm"
            aria-label={t("shell.menu")}
            aria-expanded={open}
          />
          <Link to="/admin" className={classes.logo}>
            <Brand />
          </Link>
          <Box flex={1} />
          <Suspense fallback={null}>
            <HeaderTools />
          </Suspense>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="sm" className={classes.navbar ?? ""} aria-label={t("nav.label")}>
        <Navigation onNavigate={close} />
      </AppShell.Navbar>
      <AppShell.Main id="content" tabIndex={-1} style={{ outline: "none" }}>
        <Box className={classes.main ?? ""}>{children}</Box>
      </AppShell.Main>
    </AppShell>
  );
}
