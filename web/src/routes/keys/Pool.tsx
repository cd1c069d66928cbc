import { Button, Card, Group, Select, TextInput } from "@mantine/core";
import { IconKey, IconSearch } from "@tabler/icons-react";
import { getRouteApi } from "@tanstack/react-router";
import { lazy, type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Key, Provider } from "@/api/types";
import { Empty } from "@/ui/Empty";
import { OnDemand } from "@/ui/OnDemand";
import { KeyTable } from "./KeyTable";
import { SelectionBar } from "./SelectionBar";
import { type KeysSearch, STATUSES } from "./search";
import type { KeyActions } from "./useKeyActions";
import { viewOf } from "./view";

const EditKey = lazy(() => import("./EditKey"));

const route = getRouteApi("/panel/keys");

interface Props {
  keys: Key[];
  provider: Provider;
  actions: KeyActions;
  onAdd: () => void;
  testAll: ReactNode;
}

/** The keys of one platform. */
export function Pool({ keys, provider, actions, onAdd, testAll }: Props) {
  const { t } = useTranslation(["keys", "common"]);
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const [editing, setEditing] = useState<Key | null>(null);
  const change = (part: KeysSearch) =>
    void navigate({ search: { provider: provider.name, ...search, ...part }, replace: true });

  if (keys.length === 0) {
    return (
      <Card>
        <Empty
          icon={<IconKey aria-hidden />}
          title={t("empty.title", { name: provider.name })}
          description={provider.needsKey === "optional" ? t("empty.optional") : t("empty.required")}
          action={<Button onClick={onAdd}>{t("add.open")}</Button>}
        />
      </Card>
    );
  }
  const shown = viewOf(keys, search);
  const chosen = shown.filter(({ id }) => selected.has(id));
  const clear = () => setSelected(new Set());
  return (
    <>
      <Group gap="sm">
        <TextInput
          flex="1 1 200px"
          aria-label={t("common:action.search")}
          placeholder={t("searchHint")}
          leftSection={<IconSearch size={16} aria-hidden />}
          value={search.q ?? ""}
          onChange={(event) => change({ q: event.currentTarget.value })}
        />
        <Select
          w={170}
          aria-label={t("filter")}
          placeholder={t("anyStatus")}
          clearable
          clearButtonProps={{ "aria-label": t("common:action.clear") }}
          value={search.status ?? null}
          onChange={(status) => change({ status: STATUSES.find((each) => each === status) })}
          data={STATUSES.map((value) => ({ value, label: t(`status.${value}`) }))}
        />
        {testAll}
      </Group>
      {chosen.length > 0 && <SelectionBar chosen={chosen} actions={actions} onDone={clear} />}
      <Card padding={0}>
        {shown.length === 0 ? (
          <Empty
            icon={<IconSearch aria-hidden />}
            title={t("none.title")}
            description={t("none.body")}
            action={
              <Button variant="default" onClick={() => change({ q: undefined, status: undefined })}>
                {t("none.clear")}
              </Button>
            }
          />
        ) : (
          <KeyTable
            keys={shown}
            search={search}
            onSort={(order) => change({ sort: undefined, desc: undefined, ...order })}
            selected={selected}
            onSelect={setSelected}
            actions={actions}
            onEdit={setEditing}
          />
        )}
      </Card>
      <OnDemand when={editing !== null}>
        <EditKey item={editing} onClose={() => setEditing(null)} />
      </OnDemand>
    </>
  );
}
