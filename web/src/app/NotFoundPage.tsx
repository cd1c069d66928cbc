import { Box } from "@mantine/core";
import { IconMap2 } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { Empty } from "@/ui/Empty";
import { ButtonLink } from "@/ui/links";
import { PageHeader } from "@/ui/PageHeader";

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

/** The same where no shell stands around it: an address that is no page's. */
export function StrayPage() {
  return (
    <Box component="main" p="xl" maw={720} mx="auto" mt="10vh">
      <NotFoundPage />
    </Box>
  );
}
