import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { rememberSignedIn } from "@/api/begun";
import { api } from "@/api/client";

export function useSignOut() {
  const client = useQueryClient();
  const navigate = useNavigate();
  return useMutation({
    mutationFn: () => api.delete("/api/session"),
    onSuccess: async () => {
      rememberSignedIn(false);
      client.clear();
      await navigate({ to: "/login" });
    },
  });
}
