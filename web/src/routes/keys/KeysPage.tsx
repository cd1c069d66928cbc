import { Badge, Button, Group, Stack, Tabs } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconHeartbeat, IconPlus } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { lazy } from "react";
import { useTranslation } from "react-i18next";
import { configQuery, keysQuery } from "@/api/queries";
import type { Provider } from "@/api/types";
import { Loaded } from "@/ui/Loaded";
import { OnDemand } from "@/ui/OnDemand";
import { PageHeader } from "@/ui/PageHeader";
import { TableSkeleton } from "@/ui/skeletons";
import { Pool } from "./Pool";
import { useKeyActions } from "./useKeyActions";

const AddKeys = lazy(() => import("./add/AddKeys"));

const route = getRouteApi("/panel/keys");

export default function KeysPage() {
  const { t } = useTranslation(["keys", "common"]);
  const config = useQuery(configQuery);
  return config.data ? (
    <Pools providers={config.data.providers.filter(({ needsKey }) => needsKey !== "none")} />
  ) : (
    <>
      <PageHeader title={t("common:nav.keys")} description={t("description")} />
      <Loaded query={config} skeleton={<TableSkeleton rows={8} />}>
        {() => null}
      </Loaded>
    </>
  );
}

function Pools({ providers }: { providers: Provider[] }) {
  const { t } = useTranslation(["keys", "common"]);
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const [adding, { open, close }] = useDisclosure();
  const provider = providers.find(({ name }) => name === search.provider) ?? providers[0];
  if (!provider) return <PageHeader title={t("common:nav.keys")} description={t("description")} />;
  return (
    <>
      <PageHeader
        title={t("common:nav.keys")}
        description={t("description")}
        actions={
          <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={open}>
            {t("add.open")}
          </Button>
        }
      />
      <Tabs
        value={provider.name}
        onChange={(name) => void navigate({ search: name ? { provider: name } : {}, replace: true })}
        keepMounted={false}
      >
        <Tabs.List mb="md" style={{ flexWrap: "nowrap", overflowX: "auto", overflowY: "hidden" }}>
          {providers.map(({ name, keys }) => (
            <Tabs.Tab key={name} value={name} style={{ flex: "none" }}>
              <Group gap={8} wrap="nowrap">
                {name}
                <Badge
                  size="sm"
                  variant="light"
                  color="gray"
                  style={{ flex: "none" }}
                  aria-label={t("count", { count: keys.total })}
                >
                  {keys.total}
                </Badge>
              </Group>
            </Tabs.Tab>
          ))}
        </Tabs.List>
        {providers.map(({ name }) => (
          <Tabs.Panel key={name} value={name}>
            <ProviderPool provider={provider} onAdd={open} />
          </Tabs.Panel>
        ))}
      </Tabs>
      <OnDemand when={adding}>
        <AddKeys provider={provider} opened={adding} onClose={close} />
      </OnDemand>
    </>
  );
}

function ProviderPool({ provider, onAdd }: { provider: Provider; onAdd: () => void }) {
  const { t } = useTranslation("keys");
  const pool = useQuery(keysQuery(provider.name));
  const actions = useKeyActions(provider.name);
  return (
    <Stack gap="sm">
      <Loaded query={pool} skeleton={<TableSkeleton rows={Math.max(3, Math.min(10, provider.keys.total))} />}>
        {(keys) => (
          <Pool
            keys={keys}
            provider={provider}
            actions={actions}
            onAdd={onAdd}
            testAll={
              <Button
                variant="default"
                leftSection={<IconHeartbeat size={16} aria-hidden />}
                loading={actions.testingAll}
                onClick={actions.testAll}
              >
                {t("testAll")}
              </Button>
            }
          />
        )}
      </Loaded>
    </Stack>
  );
}
