import { Button, Card } from "@mantine/core";
import { IconListSearch } from "@tabler/icons-react";
import { getRouteApi } from "@tanstack/react-router";
import type { ReactElement } from "react";
import { useTranslation } from "react-i18next";
import type { RequestFilter } from "@/api/queries";
import { Empty } from "@/ui/Empty";
import { ErrorState } from "@/ui/ErrorState";
import { FreshPill } from "@/ui/FreshPill";
import { ButtonLink } from "@/ui/links";
import { PageHeader } from "@/ui/PageHeader";
import { TableSkeleton } from "@/ui/skeletons";
import { RequestFilters } from "./RequestFilters";
import { RequestList } from "./RequestList";
import { useRequests } from "./useRequests";

const route = getRouteApi("/panel/requests");

export default function RequestsPage(): ReactElement {
  const { t } = useTranslation(["requests", "common"]);
  const filter = route.useSearch();
  const navigate = route.useNavigate();
  const { list, rows, fresh, more } = useRequests(filter);
  const setFilter = (next: RequestFilter) =>
    void navigate({ search: next, replace: true, resetScroll: false });

  return (
    <>
      <PageHeader title={t("common:nav.requests")} description={t("description")} />
      <RequestFilters filter={filter} onChange={setFilter} />
      <FreshPill
        count={rows.length > 0 ? fresh.rows.length : 0}
        more={fresh.gap}
        // At the beginning of the list, what is new is put in by itself.
        onShow={() => window.scrollTo({ top: 0 })}
      />
      {list.isPending && (
        <Card padding={0}>
          <TableSkeleton rows={10} />
        </Card>
      )}
      {list.isError && <ErrorState error={list.error} onRetry={() => void list.refetch()} />}
      {list.isSuccess && rows.length === 0 && (
        <Card>
          <NoRequests filtered={Object.keys(filter).length > 0} onClear={() => setFilter({})} />
        </Card>
      )}
      {rows.length > 0 && <RequestList rows={rows} onNearEnd={more} loadingMore={list.isFetchingNextPage} />}
    </>
  );
}

function NoRequests({ filtered, onClear }: { filtered: boolean; onClear: () => void }) {
  const { t } = useTranslation(["requests", "lists"]);
  const what = filtered ? "none" : "empty";
  return (
    <Empty
      icon={<IconListSearch aria-hidden />}
      title={t(`${what}.title`)}
      description={t(`${what}.body`)}
      action={
        filtered ? (
          <Button variant="default" onClick={onClear}>
            {t("lists:clearFilters")}
          </Button>
        ) : (
          <ButtonLink to="/playground">{t("empty.action")}</ButtonLink>
        )
      }
    />
  );
}
