import { Button, Group, InputWrapper, Loader, Text } from "@mantine/core";
import { Dropzone } from "@mantine/dropzone";
import "@mantine/dropzone/styles.css";
import { useDisclosure } from "@mantine/hooks";
import { IconBrush, IconChevronLeft, IconPhoto, IconPhotoPlus, IconX } from "@tabler/icons-react";
import { lazy, Suspense } from "react";
import { useTranslation } from "react-i18next";
import type { Task } from "@/api/types";
import { GalleryPicker } from "./GalleryPicker";
import { ACCEPTED, type InputPicture } from "./inputs";
import type { Abilities } from "./models";
import classes from "./Playground.module.css";
import { playground, usePlayground } from "./store";
import { useAddInputs, usePaste } from "./useInputs";

const MaskPainter = lazy(() => import("./mask/MaskPainter"));

interface Props {
  abilities: Abilities;
  tooMany: boolean;
  task: Task;
}

/** The pictures to draw from: dropped, pasted, picked, or from the gallery. */
export function InputPictures({ abilities, tooMany, task }: Props) {
  const { t } = useTranslation(["playground", "common"]);
  const { inputs, mask, masking } = usePlayground();
  const adding = useAddInputs();
  const [picking, { open, close }] = useDisclosure();
  usePaste(adding.mutate);
  const only = inputs.length === 1 ? inputs[0] : undefined;
  const maskRefused = mask !== null && !abilities.mask;

  return (
    <InputWrapper
      label={t("inputs.label")}
      labelElement="div"
      description={t(`inputs.task.${task}`)}
      error={
        tooMany
          ? t("inputs.tooMany", { count: abilities.maxInputs })
          : maskRefused
            ? t("mask.unsupported")
            : null
      }
      inputWrapperOrder={["label", "description", "input", "error"]}
    >
      {inputs.length > 0 && (
        <ol className={classes.inputs} aria-label={t("inputs.label")}>
          {inputs.map((input, index) => (
            <InputTile key={input.id} input={input} index={index} masked={mask !== null} />
          ))}
        </ol>
      )}
      <Dropzone
        onDrop={(files) => adding.mutate({ files })}
        accept={ACCEPTED}
        className={classes.drop ?? ""}
        loading={adding.isPending}
        loaderProps={{ children: <Loader size="sm" /> }}
        inputProps={{ "aria-label": t("inputs.pick") }}
        aria-label={t("inputs.pick")}
        mt={6}
        p="xs"
      >
        <Group gap="xs" justify="center" wrap="nowrap" mih={36}>
          <IconPhotoPlus size={20} aria-hidden />
          <Text size="sm">{t("inputs.drop")}</Text>
        </Group>
      </Dropzone>
      <Group gap="xs" mt={8}>
        <Button size="xs" variant="default" leftSection={<IconPhoto size={14} aria-hidden />} onClick={open}>
          {t("inputs.gallery")}
        </Button>
        {only && (
          <Button
            size="xs"
            variant={mask ? "light" : "default"}
            leftSection={<IconBrush size={14} aria-hidden />}
            onClick={() => playground.paintMask(true)}
          >
            {t(mask ? "mask.change" : "mask.paint")}
          </Button>
        )}
      </Group>
      <GalleryPicker
        opened={picking}
        onClose={close}
        onPick={(filenames) => {
          close();
          adding.mutate({ filenames });
        }}
      />
      {only && masking && (
        <Suspense>
          <MaskPainter
            key={only.id}
            picture={only}
            onDone={playground.setMask}
            onClose={() => playground.paintMask(false)}
          />
        </Suspense>
      )}
    </InputWrapper>
  );
}

function InputTile({ input, index, masked }: { input: InputPicture; index: number; masked: boolean }) {
  const { t } = useTranslation("playground");
  const { name, url, width, height } = input;
  return (
    <li className={classes.input}>
      <img src={url} alt={name} title={`${name} · ${width} × ${height}`} />
      {masked && (
        <span className={classes.masked}>
          <IconBrush size={12} aria-hidden /> {t("mask.short")}
        </span>
      )}
      <button
        type="button"
        className={classes.remove}
        aria-label={t("inputs.remove", { name })}
        onClick={() => playground.removeInput(input.id)}
      >
        <IconX size={14} aria-hidden />
      </button>
      {index > 0 && (
        <button
          type="button"
          className={classes.forward}
          aria-label={t("inputs.forward", { name })}
          onClick={() => playground.moveInput(input.id)}
        >
          <IconChevronLeft size={14} aria-hidden />
        </button>
      )}
    </li>
  );
}
