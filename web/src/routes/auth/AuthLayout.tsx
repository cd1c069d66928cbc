import { Card, Text, Title } from "@mantine/core";
import type { ReactNode } from "react";
import { Brand } from "@/app/shell/Brand";
import { LanguageMenu, ThemeMenu } from "@/app/shell/HeaderTools";
import classes from "./AuthLayout.module.css";

interface Props {
  title: string;
  description: ReactNode;
  children: ReactNode;
}

/** The pages outside the panel: one card in the middle. */
export function AuthLayout({ title, description, children }: Props) {
  return (
    <div className={classes.page}>
      <header className={classes.bar}>
        <LanguageMenu />
        <ThemeMenu />
      </header>
      <main className={classes.middle}>
        <div className={classes.card}>
          <div className={classes.brand}>
            <Brand />
          </div>
          <Card padding="xl">
            <Title order={1} id="page-title" tabIndex={-1} fz="h3" style={{ outline: "none" }}>
              {title}
            </Title>
            <Text size="sm" c="dimmed" mt={6} mb="lg" component="div">
              {description}
            </Text>
            {children}
          </Card>
        </div>
      </main>
    </div>
  );
}
