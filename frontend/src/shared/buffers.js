// Numbers that come as bytes.

/**
 * Numbers of 64 bits, copied: the bytes may begin anywhere.
 *
 * @param {DataView} bytes
 */
export const readNumbers = ({ buffer, byteOffset, byteLength }) => new Float64Array(buffer.slice(byteOffset, byteOffset + byteLength));
