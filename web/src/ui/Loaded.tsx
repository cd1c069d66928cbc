import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { ErrorState } from "./ErrorState";

interface Props<T> {
  query: UseQueryResult<T>;
  /** Stands in the place of the content, in its shape. */
  skeleton: ReactNode;
  children: (data: T) => ReactNode;
}

/** The three states of a query: on its way, failed with a retry, there. */
export function Loaded<T>({ query, skeleton, children }: Props<T>) {
  if (query.data !== undefined) return children(query.data);
  if (query.isError) return <ErrorState error={query.error} onRetry={() => void query.refetch()} />;
  return skeleton;
}
