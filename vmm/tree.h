/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a device tree has at an address, for the explanations of "salvage run" and of "salvage explain".
 * Trees are hostile: they are checked before they are searched, and the search is bounded.
 */
#ifndef VMM_TREE_H
#define VMM_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A piece of the address space as the device tree has it. */
struct place_region {
	char path[160]; /* printable ASCII, cut if longer */
	uint64_t first, last;
	bool disabled; /* status is neither "okay" nor "ok" */
	bool memory, pci;
	bool controller; /* a GIC, which is in the kernel under most VMMs */
};

enum place_kind { PLACE_NONE, PLACE_DEVICE, PLACE_PCI, PLACE_MEMORY, PLACE_HOLE };

/*
 * A device whose registers just end, or memory that is smaller than was thought, is a likelier story than any
 * guess.
 */
#define PLACE_JUST_PAST 0x10000

/* A mistake that would explain an address in a hole. */
enum place_guess {
	GUESS_NONE,
	GUESS_UNTRANSLATED,
	GUESS_HIGH_BITS,
	GUESS_DIGIT,
	GUESS_ONE_BIT,
	GUESS_ONE_DIGIT
};

struct place {
	enum place_kind kind;
	bool below_known, above_known, ram_known;
	struct place_region at;           /* the smallest that holds the address */
	struct place_region below, above; /* the nearest that are not memory */
	struct place_region ram;          /* the nearest memory below */
	enum place_guess guess;
	struct place_region guessed;
	uint64_t meant; /* the address that the guess says was meant */
	bool cut;       /* the tree is larger than is searched */
};

/* A device tree in memory; owned by whoever loaded it, freed with free(). */
struct vmm_tree {
	void *fdt;
};

/*
 * Whether size bytes, of which nothing is known, are a tree that may be given to libfdt: 0, or its error
 * code. Bounded work.
 */
int vmm_tree_check(const void *fdt, size_t size);

/* Loads and checks a file. NULL, or what is wrong with it as a static or strerror text. */
const char *vmm_tree_load(const char *path, struct vmm_tree *tree);

/* What lies at and around an address. Bounded work; the tree has been checked. */
void vmm_tree_find(const struct vmm_tree *tree, uint64_t address, struct place *place);

/*
 * Every region that the CPU reaches, memory and what is disabled included, in the order of the tree; those
 * that overlap overlap. False: it has more than are looked at.
 */
bool vmm_tree_walk(const struct vmm_tree *tree, void (*each)(void *opaque, const struct place_region *region),
		   void *opaque);

/* Of the two neighbours that are not memory the nearer one; *above says which. NULL if there is none. */
const struct place_region *vmm_tree_nearest(const struct place *place, uint64_t address, bool *above);

#endif
