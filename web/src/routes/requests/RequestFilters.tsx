import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { clientKeysQuery, configQuery, facetsQuery, keysQuery, type RequestFilter } from "@/api/queries";
import { FilterBar } from "@/ui/filters/FilterBar";
import { FilterSelect } from "@/ui/filters/FilterSelect";
import { RangeFilter } from "@/ui/filters/RangeFilter";
import { SearchField } from "@/ui/filters/SearchField";
import { TaskFilter } from "@/ui/filters/TaskFilter";

interface Props {
  filter: RequestFilter;
  onChange: (filter: RequestFilter) => void;
}

/** What the log can be narrowed down by. */
export function RequestFilters({ filter, onChange }: Props) {
  const { t } = useTranslation("requests");
  const { status, provider, model, key, client, task, q, from, to } = filter;
  const config = useQuery(configQuery);
  const facets = useQuery(facetsQuery);
  const keys = useQuery({ ...keysQuery(provider ?? ""), enabled: provider !== undefined });
  const active = [status, provider, model, key, client, task, from ?? to].filter(
    (each) => each !== undefined,
  ).length;
  const clients = useQuery(clientKeysQuery);
  const byClient =
    clients.data?.map(({ id, name, hint }) => ({ value: `key:${id}`, label: `${name} · ${hint}` })) ?? [];
  const byKey = keys.data?.map(({ id, name, key: masked }) => ({
    value: id,
    label: [name.trim(), masked].filter(Boolean).join(" · ") || id,
  }));

  return (
    <FilterBar
      search={
        <SearchField label={t("search")} value={q} onChange={(next) => onChange({ ...filter, q: next })} />
      }
      active={active}
      onClear={() => onChange({ q })}
    >
      <FilterSelect
        label={t("filter.status")}
        data={(["ok", "failed"] as const).map((value) => ({ value, label: t(`status.${value}`) }))}
        value={status}
        onChange={(next) => onChange({ ...filter, status: next })}
        width={130}
      />
      <FilterSelect
        label={t("filter.provider")}
        data={config.data?.providers.map(({ name }) => name) ?? []}
        value={provider}
        // A key belongs to one platform.
        onChange={(next) => onChange({ ...filter, provider: next, key: undefined })}
        width={150}
      />
      <FilterSelect
        label={t("filter.model")}
        data={facets.data?.models.flatMap(({ name }) => name || []) ?? []}
        value={model}
        onChange={(next) => onChange({ ...filter, model: next })}
        width={170}
      />
      {(provider !== undefined || key !== undefined) && (
        <FilterSelect
          label={t("filter.key")}
          data={byKey ?? []}
          value={key}
          onChange={(next) => onChange({ ...filter, key: next })}
          width={170}
        />
      )}
      {(byClient.length > 0 || client !== undefined) && (
        <FilterSelect
          label={t("filter.client")}
          data={byClient}
          value={client}
          onChange={(next) => onChange({ ...filter, client: next })}
          width={170}
        />
      )}
      <TaskFilter value={task} onChange={(next) => onChange({ ...filter, task: next })} />
      <RangeFilter
        granularity="minute"
        value={{ from, to }}
        onChange={(range) => onChange({ ...filter, from: range.from, to: range.to })}
      />
    </FilterBar>
  );
}
