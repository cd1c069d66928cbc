import { SimpleGrid, Title } from "@mantine/core";
import { lazy, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import type { ConfigSnapshot } from "@/api/types";
import { OnDemand } from "@/ui/OnDemand";
import { PlatformCard } from "./PlatformCard";

const PlatformDrawer = lazy(() => import("./PlatformDrawer"));
const TestChannel = lazy(() => import("./TestChannel"));

type Opened = { what: "settings" | "test"; name: string } | null;

export function Platforms({ config }: { config: ConfigSnapshot }) {
  const { t } = useTranslation("channel");
  const [opened, setOpened] = useState<Opened>(null);
  const provider = (what: "settings" | "test") =>
    opened?.what === what ? config.providers.find(({ name }) => name === opened.name) : undefined;
  const close = () => setOpened(null);

  // Other pages link to a platform's card by its name; it is there only after the first answer.
  useEffect(() => {
    const target = decodeURIComponent(window.location.hash.slice(1));
    if (target) document.getElementById(target)?.scrollIntoView({ block: "center" });
  }, []);

  return (
    <section aria-labelledby="platforms">
      <Title order={2} id="platforms" mb="sm">
        {t("platforms.title")}
      </Title>
      <SimpleGrid cols={{ base: 1, sm: 2, xl: 3 }}>
        {config.providers.map((each) => (
          <PlatformCard
            key={each.name}
            provider={each}
            fixed={
              config.settings.find(({ path }) => path === `providers.${each.name}.enabled`)?.source === "env"
            }
            onSettings={() => setOpened({ what: "settings", name: each.name })}
            onTest={() => setOpened({ what: "test", name: each.name })}
          />
        ))}
      </SimpleGrid>
      <OnDemand when={opened?.what === "settings"}>
        <PlatformDrawer provider={provider("settings")} config={config} onClose={close} />
      </OnDemand>
      <OnDemand when={opened?.what === "test"}>
        <TestChannel provider={provider("test")} onClose={close} />
      </OnDemand>
    </section>
  );
}
