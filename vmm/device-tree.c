/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libfdt.h>

#include "device-tree.h"
#include "platform.h"
#include "tree.h"

/* Cells of the bindings arm,gic-v3 and arm,armv8-timer. */
#define GIC_SPI    0
#define GIC_PPI    1
#define LEVEL_HIGH 4

/*
 * The architected timer's private interrupts as BSA assigns them: EL3, EL1 physical, virtual, EL2; INTID less
 * 16.
 */
static const uint32_t timers[] = {13, 14, 11, 10};

enum phandle { PHANDLE_GIC = 1, PHANDLE_CLOCK };

/* The first error sticks, and the calls after it do nothing. */
struct writer {
	void *fdt;
	int error;
};

static void property(struct writer *w, const char *name, const void *value, size_t size)
{
	if (!w->error)
		w->error = fdt_property(w->fdt, name, value, (int)size);
}

static void property_string(struct writer *w, const char *name, const char *value)
{
	property(w, name, value, strlen(value) + 1);
}

static void property_u32(struct writer *w, const char *name, uint32_t value)
{
	fdt32_t cell = cpu_to_fdt32(value);

	property(w, name, &cell, sizeof(cell));
}

static void property_u64(struct writer *w, const char *name, uint64_t value)
{
	fdt64_t cells = cpu_to_fdt64(value);

	property(w, name, &cells, sizeof(cells));
}

static void begin(struct writer *w, const char *name)
{
	if (!w->error)
		w->error = fdt_begin_node(w->fdt, name);
}

static void begin_at(struct writer *w, const char *name, uint64_t address)
{
	char unit[64];

	snprintf(unit, sizeof(unit), "%s@%llx", name, (unsigned long long)address);
	begin(w, unit);
}

static void end(struct writer *w)
{
	if (!w->error)
		w->error = fdt_end_node(w->fdt);
}

static void write_chosen(struct writer *w, const struct vmm_device_tree *tree)
{
	char path[64];

	snprintf(path, sizeof(path), "/%s@%llx", vmm_platform[VMM_PL011].node,
		 (unsigned long long)vmm_platform[VMM_PL011].base);
	begin(w, "chosen");
	property_string(w, "stdout-path", path);
	if (tree->append)
		property_string(w, "bootargs", tree->append);
	if (tree->initrd_size) {
		property_u64(w, "linux,initrd-start", tree->initrd);
		property_u64(w, "linux,initrd-end", tree->initrd + tree->initrd_size);
	}
	end(w);
}

static void write_memory(struct writer *w, const struct vmm_device_tree *tree)
{
	fdt64_t reg[] = {cpu_to_fdt64(VMM_RAM_BASE), cpu_to_fdt64(tree->memory)};

	begin_at(w, "memory", VMM_RAM_BASE);
	property_string(w, "device_type", "memory");
	property(w, "reg", reg, sizeof(reg));
	end(w);
}

static void write_cpus(struct writer *w, const struct vmm_device_tree *tree)
{
	begin(w, "cpus");
	property_u32(w, "#address-cells", 2);
	property_u32(w, "#size-cells", 0);
	for (unsigned i = 0; i < tree->vcpus; i++) {
		begin_at(w, "cpu", tree->mpidr[i]);
		property_string(w, "device_type", "cpu");
		property_string(w, "compatible", "arm,armv8");
		property_string(w, "enable-method", "psci");
		property_u64(w, "reg", tree->mpidr[i]);
		end(w);
	}
	end(w);
}

static void write_psci(struct writer *w)
{
	static const char compatible[] = "arm,psci-1.0\0arm,psci-0.2";

	begin(w, "psci");
	property(w, "compatible", compatible, sizeof(compatible));
	property_string(w, "method", "hvc");
	end(w);
}

static void write_timer(struct writer *w)
{
	static const char compatible[] = "arm,armv8-timer\0arm,armv7-timer";
	fdt32_t interrupts[3 * sizeof(timers) / sizeof(*timers)], *cell = interrupts;

	for (size_t i = 0; i < sizeof(timers) / sizeof(*timers); i++) {
		*cell++ = cpu_to_fdt32(GIC_PPI);
		*cell++ = cpu_to_fdt32(timers[i]);
		*cell++ = cpu_to_fdt32(LEVEL_HIGH);
	}
	begin(w, "timer");
	property(w, "compatible", compatible, sizeof(compatible));
	property(w, "interrupts", interrupts, sizeof(interrupts));
	property(w, "always-on", NULL, 0);
	end(w);
}

static void write_clock(struct writer *w)
{
	begin(w, "apb-pclk");
	property_string(w, "compatible", "fixed-clock");
	property_u32(w, "#clock-cells", 0);
	property_u32(w, "clock-frequency", VMM_PL011_CLOCK);
	property_string(w, "clock-output-names", "clk24mhz");
	property_u32(w, "phandle", PHANDLE_CLOCK);
	end(w);
}

static void write_pl011(struct writer *w)
{
	static const char names[] = "uartclk\0apb_pclk";
	fdt32_t interrupts[] = {cpu_to_fdt32(GIC_SPI), cpu_to_fdt32(VMM_PL011_SPI), cpu_to_fdt32(LEVEL_HIGH)};
	fdt32_t clocks[] = {cpu_to_fdt32(PHANDLE_CLOCK), cpu_to_fdt32(PHANDLE_CLOCK)};

	property(w, "interrupts", interrupts, sizeof(interrupts));
	property(w, "clocks", clocks, sizeof(clocks));
	property(w, "clock-names", names, sizeof(names));
}

static void write_gic(struct writer *w)
{
	property(w, "interrupt-controller", NULL, 0);
	property_u32(w, "#interrupt-cells", 3);
	property_u32(w, "phandle", PHANDLE_GIC);
}

/* A part with its registers; the GIC has two ranges of them. */
static void write_part(struct writer *w, enum vmm_part part, unsigned vcpus)
{
	const struct vmm_place *place = &vmm_platform[part];
	const enum vmm_part parts[] = {part, VMM_GIC_REDISTRIBUTOR};
	size_t ranges = part == VMM_GIC_DISTRIBUTOR ? 2 : 1;
	fdt64_t reg[4];

	for (size_t i = 0; i < ranges; i++) {
		uint64_t base = vmm_platform[parts[i]].base;

		reg[2 * i] = cpu_to_fdt64(base);
		reg[2 * i + 1] = cpu_to_fdt64(vmm_place_last(parts[i], vcpus) - base + 1);
	}
	begin_at(w, place->node, place->base);
	property(w, "compatible", place->compatible, place->compatible_size);
	property(w, "reg", reg, ranges * 2 * sizeof(*reg));
	if (part == VMM_GIC_DISTRIBUTOR)
		write_gic(w);
	if (part == VMM_PL011)
		write_pl011(w);
	end(w);
}

static int write_tree(const struct vmm_device_tree *tree, void *fdt, int size)
{
	struct writer w = {.fdt = fdt};

	w.error = fdt_create(fdt, size);
	if (!w.error)
		w.error = fdt_finish_reservemap(fdt);
	begin(&w, "");
	property_string(&w, "compatible", "linux,dummy-virt");
	property_string(&w, "model", "salvage reference VMM");
	property_u32(&w, "#address-cells", 2);
	property_u32(&w, "#size-cells", 2);
	property_u32(&w, "interrupt-parent", PHANDLE_GIC);
	write_chosen(&w, tree);
	write_memory(&w, tree);
	write_cpus(&w, tree);
	write_psci(&w);
	write_timer(&w);
	write_clock(&w);
	for (unsigned part = 0; part < VMM_PARTS; part++)
		if (vmm_platform[part].node)
			write_part(&w, part, tree->vcpus);
	end(&w);
	return w.error ? w.error : fdt_finish(fdt);
}

bool vmm_device_tree_build(const struct vmm_device_tree *tree, struct vmm_file *blob, struct vmm_error *error)
{
	int rc;

	for (size_t size = 16384; size <= VMM_DTB_MAX; size *= 2) {
		void *fdt = calloc(1, size);

		if (!fdt)
			return vmm_fail(error, VMM_INTERNAL, "no memory for the device tree");
		rc = write_tree(tree, fdt, (int)size);
		if (!rc) {
			*blob = (struct vmm_file){.bytes = fdt, .size = fdt_totalsize(fdt)};
			return true;
		}
		free(fdt);
		if (rc != -FDT_ERR_NOSPACE)
			return vmm_fail(error, VMM_INTERNAL, "the device tree: %s", fdt_strerror(rc));
	}
	return vmm_fail(error, VMM_USAGE, "--append: too long for a device tree of %llu bytes",
			(unsigned long long)VMM_DTB_MAX);
}

static int amend(const struct vmm_device_tree *tree, void *fdt)
{
	int node = fdt_path_offset(fdt, "/chosen"), rc = 0;

	if (node == -FDT_ERR_NOTFOUND)
		node = fdt_add_subnode(fdt, 0, "chosen");
	if (node < 0)
		return node;
	if (tree->append)
		rc = fdt_setprop_string(fdt, node, "bootargs", tree->append);
	if (!rc && tree->initrd_size)
		rc = fdt_setprop_u64(fdt, node, "linux,initrd-start", tree->initrd);
	if (!rc && tree->initrd_size)
		rc = fdt_setprop_u64(fdt, node, "linux,initrd-end", tree->initrd + tree->initrd_size);
	return rc ? rc : fdt_pack(fdt);
}

bool vmm_device_tree_amend(const struct vmm_device_tree *tree, const char *name, struct vmm_file *blob,
			   struct vmm_error *error)
{
	size_t room = blob->size + (tree->append ? strlen(tree->append) : 0) + 512;
	int rc = vmm_tree_check(blob->bytes, blob->size);
	void *fdt;

	if (rc)
		return vmm_fail(error, VMM_IMAGE, "%s: no usable device tree: %s", name, fdt_strerror(rc));
	if (!tree->append && !tree->initrd_size)
		return true;
	fdt = malloc(room);
	if (!fdt)
		return vmm_fail(error, VMM_INTERNAL, "no memory for the device tree");
	rc = fdt_open_into(blob->bytes, fdt, (int)room);
	if (!rc)
		rc = amend(tree, fdt);
	if (rc || fdt_totalsize(fdt) > VMM_DTB_MAX) {
		free(fdt);
		return vmm_fail(error, VMM_IMAGE, "%s: its /chosen cannot be completed: %s", name,
				rc ? fdt_strerror(rc) : "it grows too large");
	}
	free(blob->bytes);
	*blob = (struct vmm_file){.bytes = fdt, .size = fdt_totalsize(fdt)};
	return true;
}
