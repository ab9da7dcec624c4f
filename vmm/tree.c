/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a device tree has at an address. Follows the Devicetree Specification, v0.4, 2.3 (reg, ranges,
 * #address-cells, #size-cells) and, for PCI host bridges, the IEEE 1275 PCI binding. The tree is walked once;
 * nothing is kept of it but the best matches.
 */
#include <errno.h>
#include <libfdt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tree.h"

/* The largest device tree that is read: Linux takes 2 MiB. */
#define DTB_MAX (16u << 20)

/* Deeper nodes are not looked at; real trees stay below ten. */
#define DEPTH 32

/* Entries of one reg or ranges property that are looked at. */
#define ENTRIES 256

/* Address translations in one search: a hostile tree can ask for very many. */
#define BUDGET 4000000

#define CELLS_MAX 4

struct bus {
	int node;
	int address_cells, size_cells; /* of the children */
	const fdt32_t *ranges;
	int ranges_cells; /* -1: no such property, so that the children are not memory-mapped */
	bool pci;
};

struct search {
	const void *fdt;
	/* Who is told of each region; NULL: it is compared with the address. */
	void (*each)(void *opaque, const struct place_region *region);
	void *opaque;
	uint64_t address;
	struct place *place;
	struct bus buses[DEPTH + 1]; /* buses[0] is the root */
	const char *names[DEPTH + 1];
	unsigned budget;
	enum place_guess guess;
};

const char *vmm_tree_load(const char *path, struct vmm_tree *tree)
{
	FILE *file = fopen(path, "rb");
	const char *why = NULL;
	struct stat st;
	size_t length = 0;

	tree->fdt = NULL;
	if (!file)
		return strerror(errno);
	if (fstat(fileno(file), &st) || S_ISDIR(st.st_mode)) {
		why = strerror(EISDIR);
	} else if (!(tree->fdt = malloc(DTB_MAX + 1))) {
		why = strerror(ENOMEM);
	} else {
		length = fread(tree->fdt, 1, DTB_MAX + 1, file);
		if (ferror(file))
			why = strerror(errno);
		else if (length > DTB_MAX)
			why = "larger than 16 MiB: no device tree";
		else if (length < sizeof(struct fdt_header) || fdt_check_full(tree->fdt, length))
			why = "not a valid flattened device tree; compile a source with \"dtc -O dtb\", or take "
			      "/sys/firmware/fdt of the guest";
	}
	fclose(file);
	if (why) {
		free(tree->fdt);
		tree->fdt = NULL;
	}
	return why;
}

static uint64_t cells(const fdt32_t *at, int count)
{
	uint64_t value = 0;

	for (int i = 0; i < count; i++)
		value = value << 32 | fdt32_to_cpu(at[i]);
	return value;
}

static int cell_count(const void *fdt, int node, const char *name, int fallback)
{
	int length;
	const fdt32_t *value = fdt_getprop(fdt, node, name, &length);

	if (!value)
		return fallback;
	if (length != sizeof(*value) || fdt32_to_cpu(*value) > CELLS_MAX)
		return -1;
	return (int)fdt32_to_cpu(*value);
}

static void read_bus(const void *fdt, int node, struct bus *bus)
{
	const char *type;
	int length;

	bus->node = node;
	bus->address_cells = cell_count(fdt, node, "#address-cells", 2);
	bus->size_cells = cell_count(fdt, node, "#size-cells", 1);
	bus->ranges = fdt_getprop(fdt, node, "ranges", &length);
	bus->ranges_cells = bus->ranges ? length / (int)sizeof(*bus->ranges) : -1;
	type = fdt_getprop(fdt, node, "device_type", &length);
	bus->pci = type && length == sizeof("pci") && !memcmp(type, "pci", sizeof("pci"));
}

/* An address has at most two cells, or three on PCI, where the first says which space it is of. */
static bool usable(const struct bus *bus)
{
	return bus->address_cells >= 1 && bus->address_cells <= (bus->pci ? 3 : 2) && bus->size_cells >= 0 &&
	       bus->size_cells <= 2;
}

/* From a bus's address to its parent's. The root's children are in the CPU's space. */
static bool translate_one(struct search *search, const struct bus *bus, const struct bus *parent,
			  uint64_t *address)
{
	int entry = bus->address_cells + parent->address_cells + bus->size_cells;

	if (bus->ranges_cells < 0 || bus->pci || !usable(bus) || !usable(parent))
		return false;
	if (!bus->ranges_cells)
		return true;
	for (int i = 0; i < ENTRIES && (i + 1) * entry <= bus->ranges_cells; i++) {
		const fdt32_t *at = bus->ranges + i * entry;
		uint64_t child = cells(at, bus->address_cells);
		uint64_t size = cells(at + bus->address_cells + parent->address_cells, bus->size_cells);

		if (!search->budget)
			return false;
		search->budget--;
		if (*address >= child && *address - child < size) {
			*address = *address - child + cells(at + bus->address_cells, parent->address_cells);
			return true;
		}
	}
	return false;
}

/* From the space that the children of buses[depth] live in up to the CPU's. */
static bool translate(struct search *search, int depth, uint64_t *address)
{
	for (; depth > 0; depth--)
		if (!translate_one(search, &search->buses[depth], &search->buses[depth - 1], address))
			return false;
	return usable(&search->buses[0]);
}

static void write_path(const struct search *search, int depth, struct place_region *region)
{
	size_t at = 0;

	for (int i = 1; i <= depth; i++) {
		const char *name = search->names[i];

		if (at < sizeof(region->path) - 1)
			region->path[at++] = '/';
		for (; *name && at < sizeof(region->path) - 1; name++)
			region->path[at++] = *name > ' ' && *name < 0x7f ? *name : '?';
	}
	region->path[at] = 0;
}

static bool holds(const struct place_region *region, uint64_t address)
{
	return address >= region->first && address <= region->last;
}

/* Larger regions contain some address that differs in one bit or digit from almost any. */
#define SMALL 0x10000

/* Mistakes that people make with addresses, the likeliest first. */
static enum place_guess mistake(const struct place_region *region, uint64_t address, uint64_t *meant)
{
	uint64_t high = region->first & ~(uint64_t)UINT32_MAX;

	*meant = high | (address & UINT32_MAX);
	if (*meant != address && holds(region, *meant))
		return GUESS_HIGH_BITS;
	for (unsigned i = 0; i < 2; i++) {
		/* A zero too few, a zero too many: only plausible where what is left is the base address. */
		*meant = i ? address >> 4 : address << 4;
		if (address && *meant == region->first)
			return GUESS_DIGIT;
	}
	for (unsigned bit = 16; region->last - region->first < SMALL && bit < 64; bit++) {
		*meant = address ^ UINT64_C(1) << bit;
		if (holds(region, *meant))
			return GUESS_ONE_BIT;
	}
	/* Small addresses are null pointers with an offset, not slips. */
	for (unsigned shift = 16; address >= SMALL && region->last - region->first < SMALL && shift < 64;
	     shift += 4)
		for (uint64_t digit = 0; digit < 16; digit++) {
			*meant = (address & ~(UINT64_C(15) << shift)) | digit << shift;
			if (holds(region, *meant))
				return GUESS_ONE_DIGIT;
		}
	return GUESS_NONE;
}

static void consider(struct search *search, const struct place_region *region)
{
	struct place *place = search->place;
	uint64_t address = search->address, meant;
	enum place_guess guess;

	if (holds(region, address)) {
		/*
		 * The smallest region is the most telling: a device inside a PCI window or a bus's own
		 * registers.
		 */
		if (place->kind == PLACE_NONE ||
		    region->last - region->first < place->at.last - place->at.first) {
			place->at = *region;
			place->kind = region->memory ? PLACE_MEMORY : region->pci ? PLACE_PCI : PLACE_DEVICE;
		}
		return;
	}
	if (region->memory) {
		if (region->last < address && (!place->ram_known || region->last > place->ram.last)) {
			place->ram = *region;
			place->ram_known = true;
		}
		return;
	}
	if (region->last < address && (!place->below_known || region->last > place->below.last)) {
		place->below = *region;
		place->below_known = true;
	}
	if (region->first > address && (!place->above_known || region->first < place->above.first)) {
		place->above = *region;
		place->above_known = true;
	}
	/* A window of a PCI bridge is too large for a coincidence to mean much. */
	if (region->pci)
		return;
	guess = mistake(region, address, &meant);
	if (guess != GUESS_NONE && (place->guess == GUESS_NONE || guess < place->guess)) {
		place->guess = guess;
		place->guessed = *region;
		place->meant = meant;
	}
}

/* A region in the space of buses[depth]'s children. */
static void region_found(struct search *search, int depth, struct place_region *region, uint64_t size)
{
	uint64_t local = region->first, moved = local;
	struct place *place = search->place;

	if (!size || size - 1 > UINT64_MAX - local)
		return;
	if (!translate(search, depth, &moved)) {
		/*
		 * Behind a bus without ranges, the CPU sees nothing. A driver that uses the child's own
		 * address is mistaken.
		 */
		region->last = local + size - 1;
		if (holds(region, search->address) && !search->buses[depth].pci) {
			place->guess = GUESS_UNTRANSLATED;
			place->guessed = *region;
			place->meant = 0;
		}
		return;
	}
	if (size - 1 > UINT64_MAX - moved)
		return;
	if (search->each) {
		region->first = moved;
		region->last = moved + size - 1;
		search->each(search->opaque, region);
		return;
	}
	if (moved != local) {
		struct place_region own = *region;

		own.last = local + size - 1;
		if (holds(&own, search->address)) {
			place->guess = GUESS_UNTRANSLATED;
			place->guessed = own;
			place->guessed.first = moved;
			place->guessed.last = moved + size - 1;
			place->meant = moved + (search->address - local);
		}
	}
	region->first = moved;
	region->last = moved + size - 1;
	consider(search, region);
}

static void read_reg(struct search *search, int node, int depth, const struct place_region *template)
{
	const struct bus *bus = &search->buses[depth - 1];
	int entry = bus->address_cells + bus->size_cells, length;
	const fdt32_t *reg = fdt_getprop(search->fdt, node, "reg", &length);

	/*
	 * Behind PCI, reg is configuration space and BARs: the CPU reaches them by way of the bridge's
	 * window.
	 */
	if (!reg || !usable(bus) || !bus->size_cells || bus->pci)
		return;
	for (int i = 0; i < ENTRIES && (i + 1) * entry * (int)sizeof(*reg) <= length; i++) {
		struct place_region region = *template;

		if (!search->budget)
			return;
		search->budget--;
		region.first = cells(reg + i * entry, bus->address_cells);
		region_found(search, depth - 1, &region,
			     cells(reg + i * entry + bus->address_cells, bus->size_cells));
	}
}

/* The windows of a PCI host bridge, in which the guest itself places the BARs. */
static void read_windows(struct search *search, int depth, const struct place_region *template)
{
	const struct bus *bus = &search->buses[depth], *parent = &search->buses[depth - 1];
	int entry = bus->address_cells + parent->address_cells + bus->size_cells;

	if (!bus->pci || bus->address_cells != 3 || !usable(bus) || !usable(parent) || bus->ranges_cells < 0)
		return;
	for (int i = 0; i < ENTRIES && (i + 1) * entry <= bus->ranges_cells; i++) {
		const fdt32_t *at = bus->ranges + i * entry;
		struct place_region region = *template;

		if (!search->budget)
			return;
		search->budget--;
		region.pci = true;
		region.first = cells(at + bus->address_cells, parent->address_cells);
		region_found(search, depth - 1, &region,
			     cells(at + bus->address_cells + parent->address_cells, bus->size_cells));
	}
}

static bool property_is(const void *fdt, int node, const char *name, const char *value)
{
	int length;
	const char *text = fdt_getprop(fdt, node, name, &length);

	return text && (size_t)length == strlen(value) + 1 && !memcmp(text, value, (size_t)length);
}

static bool disabled(const void *fdt, int node)
{
	return fdt_getprop(fdt, node, "status", NULL) && !property_is(fdt, node, "status", "okay") &&
	       !property_is(fdt, node, "status", "ok");
}

static bool just_past(const struct place *place, uint64_t address)
{
	return (place->below_known && address - place->below.last - 1 < PLACE_JUST_PAST) ||
	       (place->ram_known && address - place->ram.last - 1 < PLACE_JUST_PAST);
}

static void walk(struct search *search)
{
	const void *fdt = search->fdt;
	int depth = 0;

	for (int node = 0; node >= 0 && depth >= 0; node = fdt_next_node(fdt, node, &depth)) {
		struct place_region region = {.first = 0};
		const char *name;

		if (depth > DEPTH) {
			search->place->cut = true;
			continue;
		}
		name = fdt_get_name(fdt, node, NULL);
		search->names[depth] = name ? name : "";
		read_bus(fdt, node, &search->buses[depth]);
		if (!depth)
			continue;
		write_path(search, depth, &region);
		region.memory = property_is(fdt, node, "device_type", "memory");
		region.disabled = disabled(fdt, node);
		region.controller = !fdt_node_check_compatible(fdt, node, "arm,gic-v3") ||
				    !fdt_node_check_compatible(fdt, node, "arm,cortex-a15-gic");
		/* What is reserved lies in memory, and the memory node says so. */
		if (depth > 1 && !strcmp(search->names[1], "reserved-memory"))
			continue;
		read_reg(search, node, depth, &region);
		read_windows(search, depth, &region);
	}
	if (!search->budget)
		search->place->cut = true;
}

void vmm_tree_find(const struct vmm_tree *tree, uint64_t address, struct place *place)
{
	struct search search = {.fdt = tree->fdt, .address = address, .place = place, .budget = BUDGET};

	*place = (struct place){.kind = PLACE_NONE};
	walk(&search);
	if (place->kind == PLACE_NONE)
		place->kind = PLACE_HOLE;
	if (place->guess != GUESS_UNTRANSLATED && just_past(place, address))
		place->guess = GUESS_NONE;
}

bool vmm_tree_walk(const struct vmm_tree *tree, void (*each)(void *opaque, const struct place_region *region),
		   void *opaque)
{
	struct place place = {.kind = PLACE_NONE};
	struct search search = {
		.fdt = tree->fdt, .each = each, .opaque = opaque, .place = &place, .budget = BUDGET};

	walk(&search);
	return !place.cut;
}

const struct place_region *vmm_tree_nearest(const struct place *place, uint64_t address, bool *above)
{
	if (!place->below_known && !place->above_known)
		return NULL;
	*above = !place->below_known ||
		 (place->above_known && place->above.first - address < address - place->below.last);
	return *above ? &place->above : &place->below;
}
