import iconUrl from "../icon.svg";

/** The mark and the name. */
export function Brand() {
  return (
    <>
      <img src={iconUrl} alt="" width={28} height={28} />
      <span>ImgRouter</span>
    </>
  );
}
