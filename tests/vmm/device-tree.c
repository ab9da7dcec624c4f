/* SPDX-License-Identifier: BSD-2-Clause */
/* The device tree against the platform's table and the IPA space: one truth, told three times. */
#include <stdlib.h>

#include <libfdt.h>

#include "support/check.h"

#include "device-tree.h"
#include "platform.h"
#include "tree.h"

static const uint64_t affinities[] = {0, 1, 2, 0x100};

static struct vmm_file build(struct vmm_device_tree tree)
{
	struct vmm_file blob;
	struct vmm_error error;

	tree.mpidr = affinities;
	assert_true(vmm_device_tree_build(&tree, &blob, &error));
	assert_int_equal(fdt_check_full(blob.bytes, blob.size), 0);
	return blob;
}

static uint64_t cells(const void *fdt, int node, const char *name, int index, int cell_bytes)
{
	int size;
	const void *value = fdt_getprop(fdt, node, name, &size);

	assert_non_null(value);
	assert_true(size >= (index + 1) * cell_bytes);
	return cell_bytes == 8 ? fdt64_ld((const fdt64_t *)value + index)
			       : fdt32_ld((const fdt32_t *)value + index);
}

static void every_part(void **state)
{
	struct vmm_file blob = build((struct vmm_device_tree){.memory = 0x8000000, .vcpus = 4});
	const void *fdt = blob.bytes;

	for (unsigned part = 0; part < VMM_PARTS; part++) {
		const struct vmm_place *place = &vmm_platform[part];
		char path[64];
		int node;

		if (!place->node)
			continue;
		snprintf(path, sizeof(path), "/%s@%llx", place->node, (unsigned long long)place->base);
		node = fdt_path_offset(fdt, path);
		check(path, node > 0);
		check(path, cells(fdt, node, "reg", 0, 8) == place->base);
		check(path, cells(fdt, node, "reg", 1, 8) == place->size);
		check(path, !fdt_node_check_compatible(fdt, node, place->compatible));
	}
	free(blob.bytes);
}

/* Nothing in the table overlaps, and all of it lies below RAM. */
static void table_is_sound(void **state)
{
	for (unsigned a = 0; a < VMM_PARTS; a++) {
		uint64_t last = vmm_place_last(a, VMM_VCPUS_MAX);

		assert_true(last >= vmm_platform[a].base && last < VMM_RAM_BASE);
		for (unsigned b = 0; b < VMM_PARTS; b++)
			if (a != b)
				assert_true(last < vmm_platform[b].base ||
					    vmm_platform[a].base > vmm_place_last(b, VMM_VCPUS_MAX));
	}
	/* One vCPU more would not fit. */
	assert_true(vmm_place_last(VMM_GIC_REDISTRIBUTOR, VMM_VCPUS_MAX + 1) >= vmm_platform[VMM_PL011].base);
}

static void machine(void **state)
{
	struct vmm_file blob = build((struct vmm_device_tree){.memory = 0x123450000, .vcpus = 4});
	const void *fdt = blob.bytes;
	int node = fdt_path_offset(fdt, "/memory@40000000"), cpu, gic, uart, clock;

	assert_true(node > 0);
	assert_int_equal(cells(fdt, node, "reg", 0, 8), VMM_RAM_BASE);
	assert_int_equal(cells(fdt, node, "reg", 1, 8), 0x123450000);

	node = fdt_path_offset(fdt, "/cpus");
	unsigned count = 0;
	fdt_for_each_subnode(cpu, fdt, node)
	{
		assert_int_equal(cells(fdt, cpu, "reg", 0, 8), affinities[count++]);
		assert_string_equal(fdt_getprop(fdt, cpu, "enable-method", NULL), "psci");
	}
	assert_int_equal(count, 4);
	assert_true(fdt_path_offset(fdt, "/cpus/cpu@100") > 0);

	node = fdt_path_offset(fdt, "/psci");
	assert_string_equal(fdt_getprop(fdt, node, "method", NULL), "hvc");

	gic = fdt_node_offset_by_compatible(fdt, -1, "arm,gic-v3");
	assert_int_equal(cells(fdt, gic, "reg", 2, 8), vmm_platform[VMM_GIC_REDISTRIBUTOR].base);
	assert_int_equal(cells(fdt, gic, "reg", 3, 8), 4 * 0x20000);
	assert_int_equal(cells(fdt, gic, "#interrupt-cells", 0, 4), 3);
	assert_int_equal(cells(fdt, 0, "interrupt-parent", 0, 4), fdt_get_phandle(fdt, gic));

	uart = fdt_node_offset_by_compatible(fdt, -1, "arm,primecell");
	assert_int_equal(cells(fdt, uart, "interrupts", 0, 4), 0);
	assert_int_equal(cells(fdt, uart, "interrupts", 1, 4), VMM_PL011_SPI);
	clock = fdt_node_offset_by_phandle(fdt, (uint32_t)cells(fdt, uart, "clocks", 1, 4));
	assert_true(clock > 0);
	assert_int_equal(cells(fdt, uart, "clocks", 0, 4), cells(fdt, uart, "clocks", 1, 4));
	assert_int_equal(cells(fdt, clock, "clock-frequency", 0, 4), VMM_PL011_CLOCK);

	node = fdt_path_offset(fdt, "/chosen");
	assert_int_equal(fdt_path_offset(fdt, fdt_getprop(fdt, node, "stdout-path", NULL)), uart);
	assert_null(fdt_getprop(fdt, node, "bootargs", NULL));
	assert_null(fdt_getprop(fdt, node, "linux,initrd-start", NULL));

	node = fdt_path_offset(fdt, "/timer");
	assert_int_equal(cells(fdt, node, "interrupts", 4, 4), 14);
	free(blob.bytes);
}

static void chosen(const void *fdt, const char *append, uint64_t first, uint64_t end)
{
	int node = fdt_path_offset(fdt, "/chosen");

	assert_true(node > 0);
	assert_string_equal(fdt_getprop(fdt, node, "bootargs", NULL), append);
	assert_int_equal(cells(fdt, node, "linux,initrd-start", 0, 8), first);
	assert_int_equal(cells(fdt, node, "linux,initrd-end", 0, 8), end);
}

static void boot_arguments(void **state)
{
	static const size_t lengths[] = {0, 1, 2000, 20000, 1000000};

	for (size_t i = 0; i < COUNT(lengths); i++) {
		char *append = malloc(lengths[i] + 1);
		struct vmm_file blob;

		memset(append, 'x', lengths[i]);
		append[lengths[i]] = 0;
		blob = build((struct vmm_device_tree){.memory = 1 << 20,
						      .vcpus = 1,
						      .append = append,
						      .initrd = 0x40100000,
						      .initrd_size = 0x12345});
		chosen(blob.bytes, append, 0x40100000, 0x40112345);
		free(blob.bytes);
		free(append);
	}
}

static void too_long(void **state)
{
	char *append = malloc(VMM_DTB_MAX + 1);
	struct vmm_device_tree tree = {.mpidr = affinities, .vcpus = 1, .append = append};
	struct vmm_file blob;
	struct vmm_error error;

	memset(append, 'x', VMM_DTB_MAX);
	append[VMM_DTB_MAX] = 0;
	assert_false(vmm_device_tree_build(&tree, &blob, &error));
	assert_int_equal(error.status, VMM_USAGE);
	assert_non_null(strstr(error.text, "--append"));
	free(append);
}

/* A user's own. */
static void amend(void **state)
{
	struct vmm_file blob = build((struct vmm_device_tree){.memory = 1 << 20, .vcpus = 1}), copy;
	struct vmm_device_tree tree = {.mpidr = affinities, .vcpus = 1};
	struct vmm_error error;

	copy.bytes = malloc(blob.size);
	copy.size = blob.size;
	memcpy(copy.bytes, blob.bytes, blob.size);

	/* Nothing asked for: the same bytes. */
	assert_true(vmm_device_tree_amend(&tree, "x.dtb", &blob, &error));
	assert_int_equal(blob.size, copy.size);
	assert_memory_equal(blob.bytes, copy.bytes, copy.size);

	tree.append = "console=ttyAMA0";
	tree.initrd = 0x40300000;
	tree.initrd_size = 0x1000;
	assert_true(vmm_device_tree_amend(&tree, "x.dtb", &blob, &error));
	chosen(blob.bytes, tree.append, 0x40300000, 0x40301000);
	free(blob.bytes);

	/* A tree that has no /chosen gets one. */
	int node = fdt_path_offset(copy.bytes, "/chosen");
	assert_int_equal(fdt_nop_node(copy.bytes, node), 0);
	assert_true(vmm_device_tree_amend(&tree, "x.dtb", &copy, &error));
	chosen(copy.bytes, tree.append, 0x40300000, 0x40301000);
	free(copy.bytes);
}

/* A damaged one is refused, or still a tree, whatever is damaged. */
static void damaged(void **state)
{
	struct vmm_file good = build((struct vmm_device_tree){.memory = 1 << 20, .vcpus = 2});
	struct vmm_device_tree tree = {.mpidr = affinities, .vcpus = 1, .append = "a"};
	uint64_t random = 3;
	unsigned refused = 0;

	for (unsigned i = 0; i < 4000; i++) {
		size_t size = i % 2 ? good.size : random_next(&random) % good.size;
		struct vmm_file blob = {malloc(size ? size : 1), size};
		struct vmm_error error;

		memcpy(blob.bytes, good.bytes, size);
		for (unsigned n = 0; n < 2 && size; n++)
			blob.bytes[random_next(&random) % size] = (uint8_t)random_next(&random);
		if (!vmm_device_tree_amend(&tree, "x.dtb", &blob, &error)) {
			assert_int_equal(error.status, VMM_IMAGE);
			refused++;
		} else {
			assert_int_equal(fdt_check_full(blob.bytes, blob.size), 0);
		}
		free(blob.bytes);
	}
	assert_true(refused > 1000);
	free(good.bytes);
}

/* Lengths that, added to where they are, lead back to before it: no walk may go round for ever. */
static void backward(void **state)
{
	static const uint32_t lengths[] = {0xfffffff4, 0xfffffff8, 0xffffffc0,
					   0xffffffff, 0x80000000, 0x7ffffff0};
	struct vmm_file good = build((struct vmm_device_tree){.memory = 1 << 20, .vcpus = 2});
	struct vmm_device_tree tree = {.mpidr = affinities, .vcpus = 1, .append = "a"};
	unsigned seen = 0;

	assert_int_equal(vmm_tree_check(good.bytes, good.size), 0);
	assert_int_not_equal(vmm_tree_check(good.bytes, good.size - 1), 0);
	for (size_t at = fdt_off_dt_struct(good.bytes); at < fdt_off_dt_strings(good.bytes); at += 4)
		for (size_t i = 0; i < COUNT(lengths) && fdt32_ld((fdt32_t *)(good.bytes + at)) == FDT_PROP;
		     i++) {
			struct vmm_file blob = {malloc(good.size), good.size};
			struct vmm_error error;

			memcpy(blob.bytes, good.bytes, good.size);
			fdt32_st(blob.bytes + at + 4, lengths[i]);
			assert_int_not_equal(vmm_tree_check(blob.bytes, blob.size), 0);
			assert_false(vmm_device_tree_amend(&tree, "x.dtb", &blob, &error));
			free(blob.bytes);
			seen++;
		}
	assert_true(seen > 100);
	free(good.bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_part),     cmocka_unit_test(table_is_sound), cmocka_unit_test(machine),
		cmocka_unit_test(boot_arguments), cmocka_unit_test(too_long),       cmocka_unit_test(amend),
		cmocka_unit_test(damaged),        cmocka_unit_test(backward),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
