package lockfree

// Pad is the distance, in bytes, that keeps two words off each other's cache
// line wherever the allocator puts the struct (Go aligns no struct to a line,
// so we pad by distance, not by alignment).
//
// 128 and not 64: x86-64 fetches lines in pairs (Intel 64 and IA-32
// Architectures Optimization Reference Manual, "Data Prefetch to L1/L2",
// spatial prefetcher), and Apple's arm64 and POWER have lines of 128 bytes.
// crossbeam's CachePadded and JCTools use the same figure for these reasons.
const Pad = 128
