// What Weft's packages need of the formats to read and write files piece by piece: not for users, and it may change
// with any version.
export { hex, joined } from "./bytes.ts";
export { writtenMetadata } from "./safetensors/metadata.ts";
export { headerEnd, piecesOf, readIndex, storedName, type StoredIndex } from "./safetensors/safetensors.ts";
export { inShards, longestShardIndex, mayBeShardIndex, readShardIndex, shardIndex } from "./safetensors/shards.ts";
export { isTable, parseStrict } from "./safetensors/strict-json.ts";
export { fromStored, storedAs, toStored } from "./stored-values.ts";
export { fromTar } from "./tar.ts";
export { byCodePoint } from "./text-order.ts";
export { mayBePt } from "./torch/pt.ts";
export { crc32 } from "./zip/checksum.ts";
