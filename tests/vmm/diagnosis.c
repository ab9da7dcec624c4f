/* SPDX-License-Identifier: BSD-2-Clause */
/* Which node of its device tree a guest's access was meant for, and of which accesses that is asked. */
#include <libfdt.h>
#include <stdlib.h>

#include "support/check.h"

#include "device-tree.h"
#include "diagnosis.h"

static char blob[8192];
static const struct vmm_tree tree = {blob};

static const struct sv_region window = {.name = "w", .kind = SV_REGION_WINDOW},
			      inside = {.name = "k", .kind = SV_REGION_KERNEL},
			      ram = {.name = "m", .kind = SV_REGION_RAM},
			      rom = {.name = "r", .kind = SV_REGION_ROM};

static void node(const char *name, uint64_t base, uint64_t size, const char *property, const char *value)
{
	assert_int_equal(fdt_begin_node(blob, name), 0);
	if (size) {
		fdt64_t reg[] = {cpu_to_fdt64(base), cpu_to_fdt64(size)};

		assert_int_equal(fdt_property(blob, "reg", reg, sizeof(reg)), 0);
	}
	if (property)
		assert_int_equal(fdt_property_string(blob, property, value), 0);
	assert_int_equal(fdt_end_node(blob), 0);
}

static int make_tree(void **state)
{
	fdt_create(blob, sizeof(blob));
	fdt_finish_reservemap(blob);
	fdt_begin_node(blob, "");
	fdt_property_u32(blob, "#address-cells", 2);
	fdt_property_u32(blob, "#size-cells", 2);
	node("memory@40000000", 0x40000000, 0x10000000, "device_type", "memory");
	node("psci", 0, 0, "method", "hvc");
	node("uart@9000000", 0x09000000, 0x1000, NULL, NULL);
	node("sensor@b000000", 0x0b000000, 0x1000, "status", "okay");
	node("modem@c000000", 0x0c000000, 0x1000, "status", "disabled");
	node("gpu@60000000", 0x60000000, 0x1000, NULL, NULL);
	fdt_end_node(blob);
	return fdt_finish(blob);
}

static void nodes(void **state)
{
	static const struct {
		const char *what;
		struct sv_report report;
		const char *node;
		bool here, disabled;
	} cases[] = {
#define HOLE_AT(address) {.cause = SV_CAUSE_HOLE, .ending = SV_ENDING_INJECTED, .ipa = (address)}
		{"first byte", HOLE_AT(0x0b000000), "/sensor@b000000", true},
		{"last byte", HOLE_AT(0x0b000fff), "/sensor@b000000", true},
		{"just past", HOLE_AT(0x0b001000), "/sensor@b000000"},
		{"just below", HOLE_AT(0x0affffff), "/sensor@b000000"},
		{"nearer above", HOLE_AT(0x0bffffff), "/modem@c000000"},
		{"disabled", HOLE_AT(0x0c000010), "/modem@c000000", true, true},
		{"nearest is disabled", HOLE_AT(0x0c001000), "/modem@c000000"},
		{"0", HOLE_AT(0), "/uart@9000000"},
		{"memory that is not there", HOLE_AT(0x4fffffff), "/memory@40000000", true},
		{"past memory", HOLE_AT(0x50000000), "/memory@40000000"},
		{"memory is farther than a device above it", HOLE_AT(0x5fff0000), "/gpu@60000000"},
		{"the end", HOLE_AT(UINT64_MAX), "/gpu@60000000"},
		{"cause is another",
		 {.cause = SV_CAUSE_NISV,
		  .reason = SV_REASON_HOLE,
		  .ending = SV_ENDING_STOPPED,
		  .ipa = 0x0b000000},
		 "/sensor@b000000",
		 true},
		{"ignored",
		 {.cause = SV_CAUSE_HOLE, .ending = SV_ENDING_IGNORED, .ipa = 0x0b000000},
		 "/sensor@b000000",
		 true},
		{"a window refuses",
		 {.cause = SV_CAUSE_NISV, .ending = SV_ENDING_INJECTED, .ipa = 0x09000004, .region = &window},
		 "/uart@9000000",
		 true},
		{"in the kernel",
		 {.cause = SV_CAUSE_NISV, .ending = SV_ENDING_INJECTED, .ipa = 0x09000004, .region = &inside},
		 "/uart@9000000",
		 true},
		{"completed",
		 {.cause = SV_CAUSE_HOLE, .ending = SV_ENDING_COMPLETED, .ipa = 0x0b000000},
		 NULL},
		{"retried", {.cause = SV_CAUSE_HOLE, .ending = SV_ENDING_RETRIED, .ipa = 0x0b000000}, NULL},
		{"not looked up",
		 {.cause = SV_CAUSE_UNSUPPORTED, .ending = SV_ENDING_INJECTED, .ipa = 0x0b000000},
		 NULL},
		{"RAM",
		 {.cause = SV_CAUSE_NISV, .ending = SV_ENDING_INJECTED, .ipa = 0x40000000, .region = &ram},
		 NULL},
		{"ROM",
		 {.cause = SV_CAUSE_NISV, .ending = SV_ENDING_INJECTED, .ipa = 0x0b000000, .region = &rom},
		 NULL},
	};
	struct vmm_diagnosis diagnosis = {0};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct sv_report report = cases[i].report;

		/* The second time, the search is not repeated. */
		for (unsigned again = 0; again < 2; again++) {
			vmm_diagnose(&diagnosis, NULL, &tree, &report);
			check(cases[i].what, !report.node == !cases[i].node);
			check(cases[i].what, !report.node || !strcmp(report.node, cases[i].node));
			check(cases[i].what, report.node_here == cases[i].here);
			check(cases[i].what, report.node_disabled == cases[i].disabled);
			check(cases[i].what, !report.symbol);
		}
		vmm_diagnose(&diagnosis, NULL, NULL, &report);
		check(cases[i].what, !report.node && !report.node_here);
	}
}

/* A tree that names nothing has nothing near. */
static void empty(void **state)
{
	struct vmm_diagnosis diagnosis = {0};
	struct sv_report report = HOLE_AT(0x0b000000);
	char bare[256];

	assert_int_equal(fdt_create_empty_tree(bare, sizeof(bare)), 0);
	vmm_diagnose(&diagnosis, NULL, &(struct vmm_tree){bare}, &report);
	assert_null(report.node);
	assert_false(report.node_here);
}

/* In the platform's own tree, every device is found under its own name. */
static void own(void **state)
{
	static const struct {
		uint64_t ipa;
		const char *node;
	} cases[] = {{0x08000000, "/interrupt-controller@8000000"},
		     {0x080a0000, "/interrupt-controller@8000000"},
		     {0x09000000, "/pl011@9000000"},
		     {0x0a010000, "/exit-register@a010000"},
		     {0x0a020fff, "/register-file@a020000"}};
	const uint64_t mpidr = 0;
	const struct vmm_device_tree platform = {.memory = 1 << 20, .mpidr = &mpidr, .vcpus = 1};
	struct vmm_diagnosis diagnosis = {0};
	struct vmm_error error;
	struct vmm_file file;

	assert_true(vmm_device_tree_build(&platform, &file, &error));
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct sv_report report = HOLE_AT(cases[i].ipa);

		vmm_diagnose(&diagnosis, NULL, &(struct vmm_tree){file.bytes}, &report);
		assert_non_null(report.node);
		assert_string_equal(report.node, cases[i].node);
		assert_true(report.node_here);
	}
	free(file.bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(nodes, make_tree),
		cmocka_unit_test(empty),
		cmocka_unit_test(own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
