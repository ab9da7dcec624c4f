/* SPDX-License-Identifier: BSD-2-Clause */
/* Reports, and the sentence an operator reads. */
#include <salvage/abort.h>

#include "support/check.h"

static struct sv_region regions[4];
static struct sv_space space;

static const struct sv_region recorder = {.first = 0x0a000000,
					  .last = 0x0a00ffff,
					  .kind = SV_REGION_WINDOW,
					  .name = "recorder",
					  .sizes = SV_SIZES_ANY};
static const struct sv_region ram = {
	.first = 0x40000000, .last = 0x47ffffff, .kind = SV_REGION_RAM, .name = "main memory"};

static const struct sv_rule hole_inject = {.text = "default hole=inject"};
static const struct sv_rule pair_dump = {.text = "class:pair=dump"};

/* word 0: no word is known. The instruction is decoded where it can be. */
static const struct {
	uint32_t word;
	struct sv_report report;
	const char *text;
} cases[] = {
	{0xb8004409,
	 {.cause = SV_CAUSE_HOLE,
	  .ending = SV_ENDING_INJECTED,
	  .reason = SV_REASON_HOLE,
	  .has_pc = true,
	  .pc = 0x40000120,
	  .ipa = 0x0a300000,
	  .write = true,
	  .rule = &hole_inject},
	 "vcpu at pc 0x40000120: str w9, [x0], #4 tried to write 4 bytes at 0x0a300000, where nothing is; nearest is device "
	 "recorder, 0x2f0000 bytes below; the guest got an external abort (rule default hole=inject)"},
	{0xb8004409,
	 {.cause = SV_CAUSE_HOLE,
	  .ending = SV_ENDING_INJECTED,
	  .reason = SV_REASON_HOLE,
	  .has_pc = true,
	  .pc = 0x40000120,
	  .symbol = "uart_init+0x10",
	  .ipa = 0x0a300000,
	  .write = true,
	  .node = "/serial@a300000",
	  .node_here = true},
	 "vcpu at pc 0x40000120 (uart_init+0x10): str w9, [x0], #4 tried to write 4 bytes at 0x0a300000, where nothing is; "
	 "nearest is device recorder, 0x2f0000 bytes below; the guest's device tree has /serial@a300000 there, which this "
	 "machine does not have; the guest got an external abort"},
	{0xb8004409,
	 {.cause = SV_CAUSE_HOLE,
	  .ending = SV_ENDING_INJECTED,
	  .reason = SV_REASON_HOLE,
	  .ipa = 0x0a300000,
	  .write = true,
	  .node = "/serial@a300000",
	  .node_here = true,
	  .node_disabled = true},
	 "vcpu: str w9, [x0], #4 tried to write 4 bytes at 0x0a300000, where nothing is; nearest is device recorder, 0x2f0000 "
	 "bytes below; the guest's device tree has /serial@a300000 there, marked as disabled; the guest got an external abort"},
	{0xb8004409,
	 {.cause = SV_CAUSE_HOLE,
	  .ending = SV_ENDING_INJECTED,
	  .reason = SV_REASON_HOLE,
	  .symbol = "no pc, no symbol",
	  .ipa = 0x0a300000,
	  .write = true,
	  .node = "/bus/recorder@a000000"},
	 "vcpu: str w9, [x0], #4 tried to write 4 bytes at 0x0a300000, where nothing is; nearest is device recorder, 0x2f0000 "
	 "bytes below; nearest in the guest's device tree is /bus/recorder@a000000; the guest got an external abort"},
	{0xb8004409,
	 {.cause = SV_CAUSE_NISV,
	  .ending = SV_ENDING_INJECTED,
	  .reason = SV_REASON_POLICY,
	  .ipa = 0x0a000000,
	  .write = true,
	  .region = &recorder,
	  .node = "/recorder@a000000",
	  .node_here = true},
	 "vcpu: str w9, [x0], #4 tried to write 4 bytes at 0x0a000000, offset 0x0 in device recorder; the guest's device tree "
	 "has /recorder@a000000 there; the guest got an external abort"},
	{0xa9400801,
	 {.cause = SV_CAUSE_NISV,
	  .ending = SV_ENDING_COMPLETED,
	  .has_pc = true,
	  .pc = 0x40000120,
	  .ipa = 0x0a000010,
	  .has_va = true,
	  .va = 0xffff800080045010,
	  .region = &recorder,
	  .accesses = 2},
	 "vcpu at pc 0x40000120: ldp x1, x2, [x0] read 16 bytes at 0x0a000010 (the guest's virtual address "
	 "0xffff800080045010), offset 0x10 in device recorder; salvage performed it in 2 device accesses"},
	{0x39000001,
	 {.cause = SV_CAUSE_NISV,
	  .ending = SV_ENDING_COMPLETED,
	  .has_pc = true,
	  .pc = 0x40000000,
	  .ipa = 0x0a000000,
	  .has_va = true,
	  .va = 0x0a000000,
	  .region = &recorder,
	  .accesses = 1,
	  .write = true},
	 "vcpu at pc 0x40000000: strb w1, [x0] wrote 1 byte at 0x0a000000, offset 0x0 in device recorder; salvage performed "
	 "it in 1 device access"},
	{0xa9400801,
	 {.cause = SV_CAUSE_NISV,
	  .ending = SV_ENDING_STOPPED,
	  .action = SV_ACTION_DUMP,
	  .reason = SV_REASON_POLICY,
	  .has_pc = true,
	  .pc = 0x40000120,
	  .ipa = 0x0a000010,
	  .region = &recorder,
	  .rule = &pair_dump},
	 "vcpu at pc 0x40000120: ldp x1, x2, [x0] tried to read 16 bytes at 0x0a000010, offset 0x10 in device recorder; the "
	 "vcpu is stopped before it with the request to dump (rule class:pair=dump)"},
	{0x0c400c20,
	 {.cause = SV_CAUSE_UNDECODABLE,
	  .ending = SV_ENDING_INJECTED,
	  .reason = SV_REASON_NOT_DECODED,
	  .has_pc = true,
	  .pc = 0x40000120,
	  .ipa = 0x0a000010},
	 "vcpu at pc 0x40000120: the instruction 0x0c400c20 tried to read at 0x0a000010; the word at the PC is no load or store "
	 "that this version decodes; the guest got an external abort"},
	{0,
	 {.cause = SV_CAUSE_UNSUPPORTED,
	  .ending = SV_ENDING_STOPPED,
	  .action = SV_ACTION_STOP,
	  .reason = SV_REASON_AARCH32,
	  .ipa = 0x0a000010,
	  .write = true},
	 "vcpu: an instruction that was not read tried to write at 0x0a000010; the guest is in AArch32 state, for which this "
	 "version has no decoder; the vcpu is stopped before it"},
	{0,
	 {.cause = SV_CAUSE_HOLE,
	  .ending = SV_ENDING_IGNORED,
	  .reason = SV_REASON_HOLE,
	  .isv = true,
	  .has_pc = true,
	  .pc = 0x40000120,
	  .ipa = 0x0a010000},
	 "vcpu at pc 0x40000120: a single load or store tried to read at 0x0a010000, where nothing is; nearest is device "
	 "recorder, which ends just below; the guest read zero"},
	{0,
	 {.cause = SV_CAUSE_HOLE,
	  .ending = SV_ENDING_IGNORED,
	  .reason = SV_REASON_HOLE,
	  .isv = true,
	  .write = true,
	  .ipa = 0x3fffff00},
	 "vcpu: a single load or store tried to write at 0x3fffff00, where nothing is; nearest is RAM main memory, 0x100 bytes "
	 "above; the write was dropped"},
	{0xb8004409,
	 {.cause = SV_CAUSE_NISV,
	  .ending = SV_ENDING_OBSERVED,
	  .would = SV_ENDING_COMPLETED,
	  .has_pc = true,
	  .pc = 0x40000120,
	  .ipa = 0x0a000000,
	  .write = true,
	  .region = &recorder},
	 "vcpu at pc 0x40000120: str w9, [x0], #4 tried to write 4 bytes at 0x0a000000, offset 0x0 in device recorder; salvage "
	 "only watched and would have performed it"},
	{0xb8004409,
	 {.cause = SV_CAUSE_MISMATCH,
	  .ending = SV_ENDING_RETRIED,
	  .reason = SV_REASON_DIRECTION,
	  .has_pc = true,
	  .pc = 0x40000120,
	  .ipa = 0x0a000000},
	 "vcpu at pc 0x40000120: str w9, [x0], #4 tried to read 4 bytes at 0x0a000000; the instruction's direction is not the "
	 "syndrome's WnR; nothing was changed and the guest runs it again"},
	{0xb8004409,
	 {.cause = SV_CAUSE_UNTRANSLATABLE,
	  .ending = SV_ENDING_INJECTED,
	  .reason = SV_REASON_DATA_TRANSLATION,
	  .exception = SV_EXCEPTION_DATA_STAGE1,
	  .ipa = 0x0a000000,
	  .write = true},
	 "vcpu: str w9, [x0], #4 tried to write 4 bytes at 0x0a000000; stage 1 gives no address for a byte of the access; "
	 "the guest got its own stage-1 fault"},
	{0xb8004409,
	 {.cause = SV_CAUSE_ATOMIC,
	  .ending = SV_ENDING_OBSERVED,
	  .would = SV_ENDING_INJECTED,
	  .reason = SV_REASON_ATOMIC,
	  .exception = SV_EXCEPTION_UNSUPPORTED_ATOMIC,
	  .ipa = 0x0a000000,
	  .write = true,
	  .region = &recorder},
	 "vcpu: str w9, [x0], #4 tried to write 4 bytes at 0x0a000000, offset 0x0 in device recorder; the device cannot "
	 "perform an atomic as one access; salvage only watched and would have given the guest the abort for unsupported "
	 "atomics"},
	{0,
	 {.cause = SV_CAUSE_UNSUPPORTED,
	  .ending = SV_ENDING_INJECTED,
	  .reason = SV_REASON_WALK_UNSUPPORTED,
	  .walk_refusal = SV_MMU_REFUSAL_D128,
	  .ipa = 0x0a000000},
	 "vcpu: an instruction that was not read tried to read at 0x0a000000; the guest uses a translation feature that this "
	 "version does not know: TCR2_EL1.D128: 128-bit descriptors; the guest got an external abort"},
	/* How much it is about is in registers. */
	{0xd50b7433,
	 {.cause = SV_CAUSE_HOLE,
	  .ending = SV_ENDING_INJECTED,
	  .reason = SV_REASON_HOLE,
	  .has_pc = true,
	  .pc = 0x40000120,
	  .ipa = 0x0a300000,
	  .write = true,
	  .rule = &hole_inject},
	 "vcpu at pc 0x40000120: dc zva, x19 tried to write at 0x0a300000, where nothing is; nearest is device "
	 "recorder, 0x2f0000 bytes below; the guest got an external abort (rule default hole=inject)"},
	{0xa5ff6482,
	 {.cause = SV_CAUSE_NISV,
	  .ending = SV_ENDING_COMPLETED,
	  .has_pc = true,
	  .pc = 0x40000120,
	  .ipa = 0x0a000010,
	  .region = &recorder,
	  .accesses = 2},
	 "vcpu at pc 0x40000120: ldff1d { z2.d }, p1/z, [x4] read at 0x0a000010, offset 0x10 in device recorder; salvage "
	 "performed it in 2 device accesses"},
};

static struct sv_report fill(size_t i)
{
	struct sv_report report = cases[i].report;

	report.word = cases[i].word;
	report.has_word = cases[i].word;
	report.has_insn = report.has_word && sv_decode(SV_A64, cases[i].word, &report.insn) == SV_OK;
	return report;
}

static void sentences(void **state)
{
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct sv_report report = fill(i);
		char text[512];
		size_t length = sv_report_text(&report, &space, text, sizeof(text));

		assert_string_equal(text, cases[i].text);
		assert_int_equal(length, strlen(text));
	}
}

/* Whatever the room, the text is cut and ended inside it, and its whole length is told. */
static void cuts(void **state)
{
	struct sv_report report = fill(0);
	size_t whole = strlen(cases[0].text);

	for (size_t size = 0; size <= whole + 1; size++) {
		char text[512];

		memset(text, '!', sizeof(text));
		assert_int_equal(sv_report_text(&report, &space, text, size), whole);
		if (size) {
			assert_memory_equal(text, cases[0].text, size - 1);
			assert_int_equal(text[size - 1], 0);
		}
		assert_int_equal(text[size], '!');
	}
}

static void no_space(void **state)
{
	struct sv_report report = fill(0);
	struct sv_space empty;
	char text[512];

	sv_space_init(&empty, NULL, 0);
	sv_report_text(&report, &empty, text, sizeof(text));
	assert_non_null(strstr(text, "no memory and no device at all"));
	sv_report_text(&report, NULL, text, sizeof(text));
	assert_non_null(strstr(text, "0x0a300000, where nothing is; the guest got an external abort"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sentences),
		cmocka_unit_test(cuts),
		cmocka_unit_test(no_space),
	};

	sv_space_init(&space, regions, COUNT(regions));
	if (sv_space_add(&space, &recorder) != SV_OK || sv_space_add(&space, &ram) != SV_OK)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
