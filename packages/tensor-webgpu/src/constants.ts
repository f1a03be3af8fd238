// Flags of the WebGPU standard. Node has no such globals, and libraries that declare the rest of WebGPU lack them.

/** `GPUBufferUsage`. */
export const usage = {
  mapRead: 0x1,
  copySource: 0x4,
  copyTarget: 0x8,
  uniform: 0x40,
  storage: 0x80,
  queryResolve: 0x200,
} as const;
/** `GPUMapMode.READ`. */
export const mapToRead = 0x1;
/** `GPUShaderStage.COMPUTE`. */
export const inCompute = 0x4;
