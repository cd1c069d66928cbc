import { MantineProvider } from "@mantine/core";
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { lazy, Suspense } from "react";
import { ConfirmProvider } from "@/ui/confirm";
import { loadToasts } from "@/ui/toast";
import { useIdle } from "@/ui/useIdle";
import { queryClient } from "./queryClient";
import { router } from "./router";
import { cssVariables, theme } from "./theme";

const ToastPlace = lazy(loadToasts);

function Toasts() {
  return useIdle() ? (
    <Suspense fallback={null}>
      <ToastPlace />
    </Suspense>
  ) : null;
}

export function App() {
  return (
    <MantineProvider theme={theme} cssVariablesResolver={cssVariables} defaultColorScheme="auto">
      <QueryClientProvider client={queryClient}>
        <ConfirmProvider>
          <Toasts />
          <RouterProvider router={router} />
        </ConfirmProvider>
      </QueryClientProvider>
    </MantineProvider>
  );
}
