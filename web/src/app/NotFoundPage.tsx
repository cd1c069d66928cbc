import { Box } from "@mantine/core";
import { IconMap2 } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { sessionQuery } from "@/api/queries";
import { Empty } from "@/ui/Empty";
import { ButtonLink } from "@/ui/links";
import { PageHeader } from "@/ui/PageHeader";
import { Shell } from "./shell/Shell";

export function NotFoundPage() {
  const { t } = useTranslation();
  return (
    <>
      <PageHeader title={t("nav.notFound")} />
      <Empty
        icon={<IconMap2 aria-hidden />}
        title={t("error.notFoundTitle")}
        description={t("error.notFoundBody")}
        action={<ButtonLink to="/admin">{t("error.toDashboard")}</ButtonLink>}
      />
    </>
  );
}

/** The same at an address that is no page's: in the shell for somebody who is signed in. */
export function StrayPage() {
  const session = useQuery(sessionQuery);
  if (session.isPending) return null;
  if (session.data?.signedIn) {
    return (
      <Shell>
        <NotFoundPage />
      </Shell>
    );
  }
  return (
    <Box component="main" p="xl" maw={720} mx="auto" mt="10vh">
      <NotFoundPage />
    </Box>
  );
}
