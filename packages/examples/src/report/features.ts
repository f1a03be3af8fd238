// What a network sees in pictures: which are alike to it, or, of pictures that say nothing, the features themselves.
import { stackImages } from "@weft/data";
import type { Photo } from "../images/photos.ts";
import { escaped, gallery, type Section } from "./page.ts";
import { address, pictureAt, thumbnail, weighed } from "./picture.ts";

export interface Seen {
  readonly photo: Photo;
  /** 2048 of them. */
  readonly features: ArrayLike<number>;
}

/** How many pictures are shown. */
const SHOWN = 24;

export function featureSections(seen: readonly Seen[]): Section[] {
  const shown = seen.slice(0, SHOWN);
  if (shown.some(({ photo }) => photo.pixels === undefined)) return [features(seen.slice(0, 6))];
  return [
    {
      title: "What is alike to it",
      about: `${shown.length} of ${seen.length} pictures, each with the one whose features have the smallest angle to its own.`,
      body: gallery(shown.map((one) => likened(one, seen))),
    },
  ];
}

const cosine = (a: ArrayLike<number>, b: ArrayLike<number>): number => dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

function likened(one: Seen, all: readonly Seen[]) {
  const others = all.filter((other) => other !== one);
  const [best] = others
    .map(({ photo, features }) => ({ name: photo.name, likeness: cosine(one.features, features) }))
    .sort((a, b) => b.likeness - a.likeness);
  const { name, pixels } = one.photo;
  const most =
    best === undefined ? "" : `<br />most like <b>${escaped(best.name)}</b><br />${best.likeness.toFixed(3)}`;
  return {
    src: address(thumbnail(pictureAt({ images: stackImages([pixels!]) }, 0), 112)),
    alt: name,
    caption: `${escaped(name)}${most}`,
  };
}

const features = (some: readonly Seen[]): Section => ({
  title: "Its features",
  about: "The 2048 features of some pictures, 64 in a row: the redder, the larger.",
  body: gallery(
    some.map(({ photo: { name }, features }) => {
      const numbers = Array.from(features);
      const most = numbers.reduce((a, b) => Math.max(a, b), 0);
      return { src: address(weighed(numbers, 64, 32, most)), alt: `The features of ${name}`, caption: escaped(name) };
    }),
  ),
});
