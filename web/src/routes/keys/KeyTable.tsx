import { Checkbox, Table, UnstyledButton } from "@mantine/core";
import { IconArrowDown, IconArrowUp } from "@tabler/icons-react";
import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { useLayoutEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Key } from "@/api/types";
import { KeyRow } from "./KeyRow";
import classes from "./Keys.module.css";
import type { KeysSearch, Sort } from "./search";
import type { KeyActions } from "./useKeyActions";
import { nextSort } from "./view";

interface Props {
  keys: Key[];
  search: KeysSearch;
  onSort: (order: Pick<KeysSearch, "sort" | "desc">) => void;
  selected: ReadonlySet<string>;
  onSelect: (ids: ReadonlySet<string>) => void;
  actions: KeyActions;
  onEdit: (key: Key) => void;
}

const USUAL_ROW_PX = 57;
const COLUMNS = 8;

/** Only the rows in sight are there: pools can hold thousands of keys. */
export function KeyTable({ keys, search, onSort, selected, onSelect, actions, onEdit }: Props) {
  const { t } = useTranslation("keys");
  const body = useRef<HTMLTableSectionElement>(null);
  const [offset, setOffset] = useState(0);
  useLayoutEffect(() => setOffset(body.current?.offsetTop ?? 0), []);
  const virtual = useWindowVirtualizer({
    count: keys.length,
    estimateSize: () => USUAL_ROW_PX,
    overscan: 12,
    scrollMargin: offset,
  });
  const rows = virtual.getVirtualItems();
  const above = (rows[0]?.start ?? offset) - offset;
  const below = virtual.getTotalSize() - ((rows.at(-1)?.end ?? offset) - offset);

  const all = keys.every(({ id }) => selected.has(id));
  const some = keys.some(({ id }) => selected.has(id));
  const toggle = (id: string) => {
    const next = new Set(selected);
    if (!next.delete(id)) next.add(id);
    onSelect(next);
  };
  const head = (column: Sort, visibleFrom?: "sm" | "md") => (
    <SortHead column={column} search={search} onSort={onSort} {...(visibleFrom ? { visibleFrom } : {})} />
  );

  return (
    <Table verticalSpacing="xs" horizontalSpacing="sm" highlightOnHover aria-rowcount={keys.length + 1}>
      <Table.Thead>
        <Table.Tr>
          <Table.Th w={44}>
            <Checkbox
              size="xs"
              aria-label={t("selectAll")}
              checked={all}
              indeterminate={some && !all}
              onChange={() => onSelect(new Set(all ? [] : keys.map(({ id }) => id)))}
            />
          </Table.Th>
          {head("name")}
          {head("status")}
          {head("totalCalls", "sm")}
          {head("successRate", "md")}
          {head("lastUsed", "md")}
          <Table.Th w={64}>{t("column.enabled")}</Table.Th>
          <Table.Th w={48}>
            <span className={classes.hidden}>{t("column.actions")}</span>
          </Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody ref={body}>
        <Filler height={above} />
        {rows.map(({ index }) => {
          const key = keys[index];
          return (
            key && (
              <KeyRow
                key={key.id}
                ref={virtual.measureElement}
                index={index}
                item={key}
                selected={selected.has(key.id)}
                onSelect={() => toggle(key.id)}
                actions={actions}
                onEdit={() => onEdit(key)}
              />
            )
          );
        })}
        <Filler height={below} />
      </Table.Tbody>
    </Table>
  );
}

/** In the place of rows out of sight. */
function Filler({ height }: { height: number }) {
  return height > 0 ? (
    <Table.Tr aria-hidden>
      <Table.Td colSpan={COLUMNS} h={height} p={0} />
    </Table.Tr>
  ) : null;
}

interface SortHeadProps extends Pick<Props, "search" | "onSort"> {
  column: Sort;
  visibleFrom?: "sm" | "md";
}

function SortHead({ column, search, onSort, visibleFrom }: SortHeadProps) {
  const { t } = useTranslation("keys");
  const sorted = search.sort === column;
  const Arrow = search.desc ? IconArrowDown : IconArrowUp;
  return (
    <Table.Th
      aria-sort={sorted ? (search.desc ? "descending" : "ascending") : "none"}
      {...(visibleFrom ? { visibleFrom } : {})}
    >
      <UnstyledButton
        fz="inherit"
        fw="inherit"
        className={classes.sort ?? ""}
        onClick={() => onSort(nextSort(search, column))}
      >
        {t(`column.${column}`)}
        {sorted && <Arrow size={14} aria-hidden />}
      </UnstyledButton>
    </Table.Th>
  );
}
