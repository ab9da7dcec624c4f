/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's intermediate physical address (IPA) space as the embedder set it up: memslots, device windows,
 * devices inside the kernel; what is left are holes. And the range allocator, which finds addresses that
 * collide with nothing, in an IPA space or in a virtual one.
 *
 * Ownership and threads: all arrays are the embedder's. Reading calls may run in any number of threads at
 * once; a call that changes a space excludes all others on that space, and it is the embedder who sees to
 * that (pause the vCPUs, or build a new space and swap pointers).
 */
#ifndef SALVAGE_SPACE_H
#define SALVAGE_SPACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <salvage/status.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

#define SV_REGION_KINDS(X)                                                                             \
	X(HOLE, "hole")            /* nothing: what sv_space_find reports between regions */           \
	X(RAM, "RAM")              /* a memslot */                                                     \
	X(ROM, "read-only RAM")    /* a KVM_MEM_READONLY memslot: reads are memory, writes are MMIO */ \
	X(WINDOW, "device")        /* a device the embedder emulates */                                \
	X(KERNEL, "kernel device") /* a device inside the kernel (the vGIC): reached as sv_kernel_map says */

enum sv_region_kind {
#define X(name, text) SV_REGION_##name,
	SV_REGION_KINDS(X)
#undef X
};

const char *sv_region_kind_name(enum sv_region_kind kind);

/* A window that takes every access the architecture can make, but for the one of 64 bytes. */
#define SV_SIZES_ANY 0x1f

/*
 * Registers of a device inside the kernel that follow one another. read and write are the sizes in bytes,
 * or-ed (1 | 4 | 8), of the accesses that the embedder can make in the guest's place with the same effect;
 * 0: none. Where the map's differs has a bit of read_unless, or write_unless, there are none either.
 */
struct sv_kernel_register {
	uint32_t offset, length; /* bytes */
	uint8_t read, write;
	uint8_t read_unless, write_unless;
	const char *name; /* the architecture's; for explanations */
	const char *why;  /* what is in the way of the accesses that are not possible; NULL if all are */
};

/* What of a device inside the kernel the embedder can reach. The table must stay as long as the map. */
struct sv_kernel_map {
	const struct sv_kernel_register *registers; /* sorted by offset, disjoint */
	size_t count;                               /* 0: nothing can be reached */
	uint64_t stride;  /* bytes after which the registers repeat; 0: they do not */
	unsigned differs; /* the embedder's: what is not the same on this host */
};

/* first and last are both inside: a region may end at 2^64 - 1. */
struct sv_region {
	uint64_t first, last;
	enum sv_region_kind kind;
	const char *name; /* for explanations; never NULL once added */
	void *host;       /* RAM, ROM: where first is mapped in this process, or NULL if it is not */
	/* WINDOW: accepted access sizes in bytes, or-ed: 1 | 2 | 4 | 8 | 16 | 64 (LD64B, ST64B, ST64BV) */
	uint8_t sizes;
	bool aligned; /* WINDOW: accepts only naturally aligned accesses */
	bool atomics; /* WINDOW: performs an atomic as one indivisible access */
	void *device; /* WINDOW: the embedder's own, handed back with every access */
	/* KERNEL: what can be reached, or NULL for nothing; the map must stay as long as the region */
	const struct sv_kernel_map *kernel;
};

/*
 * Two sorted arrays: memslots win over devices, as in KVM (a write to a read-only slot goes to a window
 * under it where there is one).
 */
struct sv_space {
	struct sv_region *regions; /* capacity entries; memslots from the front, devices from the back */
	size_t capacity, memslots, devices;
};

/* An empty space over an array of the caller's. */
void sv_space_init(struct sv_space *space, struct sv_region *regions, size_t capacity);

/*
 * Adds a copy of *region. SV_MALFORMED: last < first, kind is HOLE, a window that accepts no size, or no
 * name. SV_OVERLAP: memslot on memslot, or device on device. SV_NO_ROOM. On error nothing has changed.
 */
enum sv_status sv_space_add(struct sv_space *space, const struct sv_region *region);

/* Removes the memslot (or else the device) that begins exactly at first. SV_MALFORMED if there is none. */
enum sv_status sv_space_remove(struct sv_space *space, uint64_t first, bool memslot);

/* What an access meets at one address, and how far it stays the same. */
struct sv_place {
	enum sv_region_kind kind; /* as an access of this direction sees it: a write to ROM says WINDOW */
	const struct sv_region *region; /* NULL in a hole */
	uint64_t last;                  /* kind and region hold for ipa..last */
};

struct sv_place sv_space_find(const struct sv_space *space, uint64_t ipa, bool write);

/*
 * The region nearest to an address that lies in none: *distance is in bytes, *after says that the region
 * lies above ipa. NULL in an empty space. If ipa lies inside a region that one is returned with distance 0.
 */
const struct sv_region *sv_space_nearest(const struct sv_space *space, uint64_t ipa, uint64_t *distance,
					 bool *after);

/*
 * The register at an address of a KERNEL region, or NULL: its map does not know one there. Only where its
 * accesses are possible does sv_kernel_takes say yes: naturally aligned, inside the register's range, of a
 * size that the map has for this direction.
 */
const struct sv_kernel_register *sv_kernel_find(const struct sv_region *region, uint64_t ipa);
bool sv_kernel_takes(const struct sv_region *region, uint64_t ipa, unsigned size, bool write);

/*
 * A doorbell: a write that the kernel answers with a signal (KVM_IOEVENTFD), and that an instruction with
 * ISV=0 never rings, because its exit comes before (docs/vmm-contract.md). Fields as in struct
 * kvm_ioeventfd, without flags for what is no MMIO.
 */
struct sv_doorbell {
	uint64_t ipa;
	uint32_t length; /* bytes that a write must have; 0: any, whatever its value */
	bool datamatch;  /* and its value must be */
	uint64_t value;
	void *opaque; /* the embedder's: whom to signal */
};

/*
 * The first of count doorbells that a write of size bytes at ipa rings, or NULL: to be asked for each write
 * that a session asks for, before the device is. data is in memory order, as in struct sv_access. Drain the
 * ring of coalesced MMIO before, if there is one: its writes are older.
 */
const struct sv_doorbell *sv_doorbell_find(const struct sv_doorbell *doorbells, size_t count, uint64_t ipa,
					   unsigned size, const uint8_t *data);

/* The range allocator. */
struct sv_range {
	uint64_t first, last;
};

struct sv_ranges {
	struct sv_range *used; /* sorted, disjoint; capacity entries, the caller's */
	size_t capacity, count;
	struct sv_range limit; /* nothing is given out outside */
};

/*
 * An allocator for first..last. For an IPA space of n bits: 0, (1 << n) - 1. For the virtual addresses of
 * TTBR0_EL1 with T0SZ: 0, (1 << (64 - T0SZ)) - 1; of TTBR1_EL1 with T1SZ: -(1 << (64 - T1SZ)), UINT64_MAX.
 */
void sv_ranges_init(struct sv_ranges *ranges, struct sv_range *used, size_t capacity, uint64_t first,
		    uint64_t last);

/*
 * Takes first..last for a purpose of the caller's own. SV_OVERLAP, SV_NO_ROOM, SV_MALFORMED (last < first,
 * or outside the limit).
 */
enum sv_status sv_ranges_reserve(struct sv_ranges *ranges, uint64_t first, uint64_t last);

/* Takes every region of a space (overlaps among them are fine); SV_NO_ROOM. */
enum sv_status sv_ranges_reserve_space(struct sv_ranges *ranges, const struct sv_space *space);

/*
 * The lowest free range of size bytes that begins at a multiple of align (a power of two). SV_NO_ROOM: none
 * left, or the array is full; SV_MALFORMED: size 0 or a bad align. On error nothing has changed.
 */
enum sv_status sv_ranges_allocate(struct sv_ranges *ranges, uint64_t size, uint64_t align, uint64_t *first);

/*
 * Gives first..last back; parts of it that were not taken are no error. SV_NO_ROOM if splitting a range
 * does not fit.
 */
enum sv_status sv_ranges_release(struct sv_ranges *ranges, uint64_t first, uint64_t last);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
