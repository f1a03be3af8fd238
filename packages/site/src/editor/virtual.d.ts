declare module "virtual:weft-declarations" {
  /** The address of the declarations of all packages, as JSON: their text by path. */
  const url: string;
  export default url;
}
