import { useQuery } from "@tanstack/react-query";
import { getRouteApi, useRouter } from "@tanstack/react-router";
import { useCallback, useMemo, useRef } from "react";
import { pictureQuery } from "@/api/queries";
import type { GalleryItem } from "@/api/types";

const route = getRouteApi("/panel/pic");

/** Which picture is open (`settled`: the first page is there): it stands in the address, and the browser's way back closes it. */
export function useViewer(items: readonly GalleryItem[], settled: boolean) {
  const picture = route.useSearch({ select: (search) => search.picture });
  const navigate = route.useNavigate();
  const { history } = useRouter();
  const openedHere = useRef(false);
  const index = useMemo(
    () => (picture === undefined ? -1 : items.findIndex(({ filename }) => filename === picture)),
    [items, picture],
  );

  const show = useCallback(
    (filename: string | undefined, replace: boolean) =>
      void navigate({
        search: ({ picture: _, ...rest }) => (filename === undefined ? rest : { ...rest, picture: filename }),
        replace,
        resetScroll: false,
      }),
    [navigate],
  );
  // A link may lead to a picture that is on no page yet: it is shown by itself.
  const stray = useQuery({
    ...pictureQuery(picture ?? ""),
    enabled: settled && picture !== undefined && index < 0,
  });
  const alone = picture !== undefined && index < 0 && stray.data ? [stray.data] : undefined;
  return {
    shown: alone ?? items,
    index: alone ? 0 : index,
    open: useCallback(
      ({ filename }: GalleryItem) => {
        openedHere.current = true;
        show(filename, false);
      },
      [show],
    ),
    view: useCallback(({ filename }: GalleryItem) => show(filename, true), [show]),
    close: useCallback(() => {
      // Someone who came by a link has nothing to go back to.
      if (openedHere.current) history.back();
      else show(undefined, true);
      openedHere.current = false;
    }, [history, show]),
  };
}
