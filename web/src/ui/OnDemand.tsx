import { type ReactNode, Suspense, useState } from "react";

interface Props {
  when: boolean;
  children: ReactNode;
}

/** Fetches what it holds when it is first wanted, and keeps it then, so that dialogs can close gently. */
export function OnDemand({ when, children }: Props) {
  const [ever, setEver] = useState(when);
  if (when && !ever) setEver(true);
  return ever ? <Suspense fallback={null}>{children}</Suspense> : null;
}
