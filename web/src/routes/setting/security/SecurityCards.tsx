import type { ConfigSnapshot } from "@/api/types";
import { AuditCard } from "./AuditCard";
import { PasswordCard } from "./PasswordCard";
import { SessionsCard } from "./SessionsCard";

export default function SecurityCards({ config }: { config: ConfigSnapshot }) {
  return (
    <>
      <PasswordCard hasPassword={config.hasPassword} />
      <SessionsCard />
      <AuditCard />
    </>
  );
}
