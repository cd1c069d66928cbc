import { Button } from "@mantine/core";
import { IconKey, IconPlus } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { clientKeysQuery } from "@/api/queries";
import type { ClientKey } from "@/api/types";
import { Empty } from "@/ui/Empty";
import { Loaded } from "@/ui/Loaded";
import { ScrollRegion } from "@/ui/ScrollRegion";
import { Section } from "@/ui/Section";
import { TableSkeleton } from "@/ui/skeletons";
import { ClientKeyDialog } from "./ClientKeyDialog";
import { ClientKeyTable } from "./ClientKeyTable";

/** Keys of callers: one each, with bounds of its own. */
export default function ClientKeys() {
  const { t } = useTranslation("setting");
  const keys = useQuery(clientKeysQuery);
  const [open, setOpen] = useState<ClientKey | "new" | null>(null);
  const add = (
    <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={() => setOpen("new")}>
      {t("clients.add")}
    </Button>
  );
  return (
    <Section
      flush
      title={t("clients.title")}
      description={t("clients.description")}
      actions={keys.data && keys.data.length > 0 && add}
    >
      <Loaded query={keys} skeleton={<TableSkeleton rows={3} />}>
        {(list) =>
          list.length === 0 ? (
            <Empty
              icon={<IconKey aria-hidden />}
              title={t("clients.empty.title")}
              description={t("clients.empty.body")}
              action={add}
            />
          ) : (
            <ScrollRegion label={t("clients.title")} maxHeight={480}>
              <ClientKeyTable keys={list} onEdit={setOpen} />
            </ScrollRegion>
          )
        }
      </Loaded>
      <ClientKeyDialog open={open} onClose={() => setOpen(null)} />
    </Section>
  );
}
