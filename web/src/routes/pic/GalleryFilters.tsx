import { Button } from "@mantine/core";
import { IconHeart, IconHeartFilled } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { memo } from "react";
import { useTranslation } from "react-i18next";
import { facetsQuery, type GalleryFilter } from "@/api/queries";
import type { Counted } from "@/api/types";
import { FilterBar } from "@/ui/filters/FilterBar";
import { FilterSelect } from "@/ui/filters/FilterSelect";
import { RangeFilter } from "@/ui/filters/RangeFilter";
import { SearchField } from "@/ui/filters/SearchField";
import { TaskFilter } from "@/ui/filters/TaskFilter";
import { useFormat } from "@/ui/format";

interface Props {
  filter: GalleryFilter;
  onChange: (change: GalleryFilter) => void;
}

/** What the pictures of the gallery can be narrowed down by. */
export const GalleryFilters = memo(function GalleryFilters({ filter, onChange }: Props) {
  const { t } = useTranslation("gallery");
  const format = useFormat();
  const facets = useQuery(facetsQuery);
  const { q, model, provider, task, from, to, favorite } = filter;
  const counted = (groups: Counted[] = []) =>
    groups
      // Some platforms do not name a model.
      .filter(({ name }) => name)
      .map(({ name, count }) => ({ value: name, label: `${name} (${format.compact(count)})` }));
  const days = facets.data?.days.map(({ day }) => day).sort();
  const active = [model, provider, task, from ?? to, favorite].filter((each) => each !== undefined).length;

  return (
    <FilterBar
      search={
        <SearchField label={t("search")} value={q} onChange={(next) => onChange({ ...filter, q: next })} />
      }
      active={active}
      onClear={() => onChange({ q })}
    >
      <FilterSelect
        label={t("filter.model")}
        data={counted(facets.data?.models)}
        value={model}
        onChange={(next) => onChange({ ...filter, model: next })}
        width={170}
      />
      <FilterSelect
        label={t("filter.provider")}
        data={counted(facets.data?.providers)}
        value={provider}
        onChange={(next) => onChange({ ...filter, provider: next })}
        width={150}
      />
      <TaskFilter value={task} onChange={(next) => onChange({ ...filter, task: next })} />
      <RangeFilter
        granularity="day"
        value={{ from, to }}
        onChange={(range) => onChange({ ...filter, from: range.from, to: range.to })}
        min={days?.[0]}
      />
      <Button
        variant={favorite ? "light" : "default"}
        color={favorite ? "red" : "gray"}
        fw={400}
        justify="flex-start"
        aria-pressed={favorite === 1}
        leftSection={
          favorite ? <IconHeartFilled size={16} aria-hidden /> : <IconHeart size={16} aria-hidden />
        }
        onClick={() => onChange({ ...filter, favorite: favorite ? undefined : 1 })}
      >
        {t("filter.favorites")}
      </Button>
    </FilterBar>
  );
});
