/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs in which the guest accesses nothing, or in a way that the kernel does not describe. */
#include <libfdt.h>
#include <stdlib.h>

#include "run-bench.h"

FILL(read_hole, HOLE, 8, false, ~UINT64_C(0))
FILL(write_hole, HOLE, 8, true, 1)
FILL(narrow_exit, EXIT_REGISTER, 1, true, 7)
FILL(wide_register, REGISTER_FILE, 8, true, 7)
FILL(long_access, RECORDER, 200, true, 7)

static void is_zero(struct fake_kernel *k, const struct sv_kvm_run *run)
{
	assert_memory_equal(run->mmio.data, "\0\0\0\0\0\0\0", 8);
}

/* Described accesses to nothing, under every rule. */
static void holes(void **state)
{
	static const struct {
		const char *rule;
		void (*access)(struct sv_kvm_run *run);
		int status, injections;
		const char *event;
	} cases[] = {
		{NULL, read_hole, 7, 1, "\"verdict\":\"injected\""},
		{NULL, write_hole, 7, 1, "\"dir\":\"w\""},
		{NULL, wide_register, 7, 1, "\"device\":\"register file\""},
		{NULL, narrow_exit, 7, 1, "\"device\":\"exit register\""},
		{NULL, long_access, 7, 1, "\"verdict\":\"injected\""},
		{"hole=ignore", read_hole, 7, 0, "\"verdict\":\"ignored\""},
		{"hole=emulate", read_hole, 7, 0, "\"verdict\":\"completed\""},
		{"hole=observe", read_hole, 7, 1, "\"verdict\":\"observed\""},
		{"hole=stop", read_hole, 103, 0, "\"reason\":\"stop\""},
		{"hole=dump", read_hole, 103, 0, "\"reason\":\"stop\""},
		{"hole=restart", read_hole, 104, 0, "\"reason\":\"restart\""},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct fake_run script[] = {
			MMIO(cases[i].access),
			{.reason = SV_KVM_EXIT_MMIO,
			 .fill = exit_7,
			 .look = cases[i].access == read_hole && cases[i].rule ? is_zero : NULL},
			BLOCK};
		const char *name = cases[i].rule ? cases[i].rule : "default";

		check(name, run_policy(script, cases[i].rule) == cases[i].status);
		check(name, kernel.injections == cases[i].injections);
		check(name, strstr(events, cases[i].event));
	}
}

#define FLOOD 3000

static unsigned flooded;

static void next_hole(struct sv_kvm_run *run)
{
	mmio(run, HOLE + UINT64_C(0x10000) * flooded++, 8, false, 0);
}

static unsigned count_lines(const char *text, const char *with)
{
	unsigned count = 0;

	for (; (text = strstr(text, with)); text++)
		count++;
	return count;
}

/* 100 devices in the hole, in the file of this name. */
static void tell_of_devices(const char *path)
{
	static char blob[32768];
	FILE *file = fopen(path, "wb");

	fdt_create(blob, sizeof(blob));
	fdt_finish_reservemap(blob);
	fdt_begin_node(blob, "");
	for (unsigned i = 0; i < 100; i++) {
		fdt32_t reg[] = {0, cpu_to_fdt32(HOLE + 0x10000 * i), cpu_to_fdt32(0x1000)};
		char name[32];

		snprintf(name, sizeof(name), "dev@%x", HOLE + 0x10000 * i);
		fdt_begin_node(blob, name);
		fdt_property(blob, "reg", reg, sizeof(reg));
		fdt_end_node(blob);
	}
	fdt_end_node(blob);
	assert_int_equal(fdt_finish(blob), 0);
	assert_non_null(file);
	assert_int_equal(fwrite(blob, fdt_totalsize(blob), 1, file), 1);
	fclose(file);
}

/* Neither one hole again and again nor ever new ones fill the operator's screen, or the file. */
static void floods(void **state)
{
	static struct fake_run script[FLOOD + 2];
	static const struct {
		void (*access)(struct sv_kvm_run *run);
		bool devices;
		unsigned lines;
		const char *last;
	} cases[] = {
		{read_hole, false, 1, "nearest in the guest's device tree is /register-file@a020000"},
		{next_hole, false, 1, "nearest in the guest's device tree is /register-file@a020000"},
		{read_hole, true, 1, "the guest's device tree has /dev@b000000 there"},
		/* 64 of 100 devices, one line for what lies elsewhere among them; and the last line. */
		{next_hole, true, VMM_NOTICES + 1,
		 "salvage: 2936 more aborts, of other kinds than the first 64, were not told of here"},
	};
	char path[] = "salvage-run-XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	close(fd);
	tell_of_devices(path);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct vmm_kernel backend = fake_kernel(&kernel);
		struct vmm_config c = config();

		for (unsigned n = 0; n < FLOOD; n++)
			script[n] = (struct fake_run)MMIO(cases[i].access);
		script[FLOOD] = (struct fake_run)MMIO(exit_7);
		script[FLOOD + 1] = (struct fake_run)BLOCK;
		kernel.script[0] = script;
		flooded = 0;
		c.dtb = cases[i].devices ? path : NULL;
		assert_int_equal(run(&backend, &c), 7);
		assert_int_equal(kernel.injections, FLOOD);
		assert_int_equal(count_lines(told, "\n"), cases[i].lines);
		assert_int_equal(count_lines(told, "salvage: "), cases[i].lines);
		check(cases[i].last, strstr(told, cases[i].last));
		assert_true(strlen(events) < EVENTS + 512);
		assert_non_null(strstr(events, "\"event\":\"exit\""));
		/* The same hole: four lines, then one at each doubling, then the rest. */
		if (cases[i].access == read_hole)
			assert_true(count_lines(events, "\n") < 20);
	}
	unlink(path);
}

/* Without salvage: the kernel's abort if it has one, else zero; and no capability is turned on. */
static void holes_without_salvage(void **state)
{
	static const struct fake_run script[] = {MMIO(read_hole), MMIO_CHECK(exit_7, is_zero), BLOCK};
	struct vmm_kernel backend;
	struct vmm_config c = config();

	assert_int_equal(run_script(script, false), 7);
	assert_int_equal(kernel.injections, 1);
	assert_int_equal(kernel.nisv_enabled, 0);
	assert_null(strstr(events, "\"abort\""));

	backend = fake_kernel(&kernel);
	kernel.without[0] = SV_KVM_CAP_ARM_INJECT_EXT_DABT;
	kernel.script[0] = script;
	c.salvage = false;
	assert_int_equal(run(&backend, &c), 7);
	assert_int_equal(kernel.injections, 0);
}

static void nisv_pair(struct sv_kvm_run *run)
{
	run->arm_nisv.esr_iss = ESR_WnR;
	run->arm_nisv.fault_ipa = RECORDER + 0x20;
}

/* The guest's registers as they are when its first instruction aborts. */
static void before_pair(struct fake_kernel *k, const struct sv_kvm_run *run)
{
	*fake_register(k, 0, SV_KVM_CORE(0)) = RECORDER + 0x20;
	*fake_register(k, 0, SV_KVM_CORE(8)) = 0x1111;
	*fake_register(k, 0, SV_KVM_CORE(16)) = 0x2222;
	*fake_register(k, 0, SV_KVM_CORE(SV_KVM_CORE_PSTATE)) = 0x3c5;
	assert_int_equal(*fake_register(k, 0, SV_KVM_CORE(SV_KVM_CORE_PC)), 0x40000000);
}

static void after_pair(struct fake_kernel *k, const struct sv_kvm_run *run)
{
	assert_int_equal(*fake_register(k, 0, SV_KVM_CORE(0)), RECORDER + 0x30);
	assert_int_equal(*fake_register(k, 0, SV_KVM_CORE(SV_KVM_CORE_PC)), 0x40000004);
}

static void undescribed(void **state)
{
	static const struct fake_run script[] = {
		{.reason = SV_KVM_EXIT_ARM_NISV, .fill = nisv_pair, .look = before_pair},
		MMIO_CHECK(exit_7, after_pair),
		BLOCK};

	assert_int_equal(run_script(script, true), 7);
	assert_int_equal(kernel.injections, 0);
	assert_non_null(
		strstr(events, "\"dir\":\"w\",\"ipa\":\"0xa000020\",\"size\":8,\"value\":\"0x1111\""));
	assert_non_null(
		strstr(events, "\"dir\":\"w\",\"ipa\":\"0xa000028\",\"size\":8,\"value\":\"0x2222\""));
	assert_non_null(strstr(events, "\"verdict\":\"completed\""));

	assert_int_equal(run_policy(script, "nisv=stop"), 103);
	assert_null(strstr(events, "\"mmio\""));
	/* What the kernel would have done. */
	assert_int_equal(run_policy(script, "observe"), 105);
	assert_non_null(strstr(run_error.text, "Function not implemented"));
	assert_null(strstr(events, "\"mmio\""));
}

/* All of the syndrome but FSC, as the kernel has it: EC, IL, ISV, LST of ST64B, WnR. */
static void store_64(struct sv_kvm_run *run)
{
	run->arm_nisv.esr_iss = 0x93001040;
	run->arm_nisv.fault_ipa = RECORDER + 0x40;
}

static void before_64(struct fake_kernel *k, const struct sv_kvm_run *run)
{
	*fake_register(k, 0, SV_KVM_CORE(0)) = RECORDER + 0x40;
	for (unsigned i = 0; i < 8; i++)
		*fake_register(k, 0, SV_KVM_CORE((2 + i) * 8)) = i + 1;
	*fake_register(k, 0, SV_KVM_CORE(SV_KVM_CORE_PC)) = 0x40000008;
	*fake_register(k, 0, SV_KVM_CORE(SV_KVM_CORE_PSTATE)) = 0x3c5;
}

static void after_64(struct fake_kernel *k, const struct sv_kvm_run *run)
{
	assert_int_equal(*fake_register(k, 0, SV_KVM_CORE(SV_KVM_CORE_PC)), 0x4000000c);
}

static void sixty_four_bytes(void **state)
{
	static const struct fake_run script[] = {
		{.reason = SV_KVM_EXIT_ARM_LDST64B, .fill = store_64, .look = before_64},
		MMIO_CHECK(exit_7, after_64),
		BLOCK};

	assert_int_equal(run_script(script, true), 7);
	assert_int_equal(kernel.injections, 0);
	assert_non_null(strstr(events, "\"size\":64,\"value\":\"0x0000000000000008000000000000000700000000"));
	assert_non_null(strstr(events, "\"accesses\":1,"));
	assert_int_equal(run_policy(script, "ldst64b=stop"), 103);
	assert_null(strstr(events, "\"mmio\""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(holes),
		cmocka_unit_test(floods),
		cmocka_unit_test(holes_without_salvage),
		cmocka_unit_test(undescribed),
		cmocka_unit_test(sixty_four_bytes),
	};

	return cmocka_run_group_tests(tests, write_guest, remove_guest);
}
