import { createContext, lazy, type ReactNode, Suspense, useCallback, useContext, useState } from "react";

export interface Question {
  title: string;
  body: ReactNode;
  /** The button that does it: a verb. */
  confirm: string;
  danger?: boolean;
}

/** Fetched with the first question. */
const ConfirmDialog = lazy(() => import("./ConfirmDialog"));

type Ask = (question: Question) => Promise<boolean>;

const ConfirmContext = createContext<Ask>(() => Promise.resolve(false));

/** Asks before what cannot be undone: `if (await confirm({...})) …`. */
export const useConfirm = () => useContext(ConfirmContext);

export function ConfirmProvider({ children }: { children: ReactNode }) {
  const [asked, setAsked] = useState<(Question & { answer: (yes: boolean) => void }) | null>(null);
  const [open, setOpen] = useState(false);

  const ask = useCallback<Ask>((question) => {
    setOpen(true);
    return new Promise((resolve) => setAsked({ ...question, answer: resolve }));
  }, []);

  const close = (yes: boolean) => {
    asked?.answer(yes);
    setOpen(false);
  };

  return (
    <ConfirmContext value={ask}>
      {children}
      {asked && (
        <Suspense fallback={null}>
          <ConfirmDialog question={asked} opened={open} onAnswer={close} />
        </Suspense>
      )}
    </ConfirmContext>
  );
}
