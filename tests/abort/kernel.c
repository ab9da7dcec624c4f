/* SPDX-License-Identifier: BSD-2-Clause */
/* Sessions on a device inside the kernel that can be reached in part: what goes out, what is refused. */
#include "machine.h"

#define GIC 0x080a0000

static const struct sv_kernel_register registers[] = {
	{0x00, 8, 4, 4, 0, 0, "WORDS", NULL},
	{0x08, 4, 4, 0, 0, 0, "CONSTANT", "a write is a setting"},
	{0x0c, 4, 0, 0, 0, 0, "LATCH", "the attribute is the latch alone"},
	{0x10, 16, 4 | 8, 4 | 8, 0, 0, "WIDE", NULL},
	{0x20, 8, 1 | 4, 1 | 4, 0, 1, "BYTES", "the host differs"},
};
static const struct sv_kernel_map map = {.registers = registers, .count = COUNT(registers), .stride = 0x100};
static const struct sv_kernel_map differing = {
	.registers = registers, .count = COUNT(registers), .stride = 0x100, .differs = 1};

#define REFUSED(reason)                                                                              \
	{                                                                                            \
		SV_VERDICT_RESUME, SV_ENDING_INJECTED, SV_CAUSE_UNSUPPORTED, SV_REASON_##reason, "", \
			"default unsupported=inject", 0, 0, 0                                        \
	}

static const struct {
	const char *name;
	uint32_t word;
	uint64_t x0, iss, ipa;
	const char *rule;
	struct expected expected;
	const char *text; /* that the report must have */
	const struct sv_kernel_map *map;
} cases[] = {
	{"pair of words", STPW, GIC, WRITE, GIC, NULL, DONE("w4@80a0000=22222281 w4@80a0004=44444482", NULL),
	 "WORDS, in kernel device gic"},
	{"in the next frame", LDPW, GIC + 0x200, READ, GIC + 0x200, NULL, DONE("r4@80a0200 r4@80a0204", NULL),
	 "offset 0x200, WORDS, in"},
	{"post-indexed", STRW_POST, GIC + 4, WRITE, GIC + 4, NULL,
	 DONE("w4@80a0004=22222281", NULL, .x0 = GIC + 8), "performed it in 1 device access"},
	{"constant, read", LDPW, GIC + 4, READ, GIC + 4, NULL, DONE("r4@80a0004 r4@80a0008", NULL), "WORDS"},
	{"constant, written", STRW_POST, GIC + 8, WRITE, GIC + 8, NULL, REFUSED(KERNEL_REGISTER),
	 "CONSTANT, in kernel device gic; the kernel gives userspace no access there that equals the guest's: "
	 "a write is a setting; the guest got"},
	{"second half refused", LDPW, GIC + 8, READ, GIC + 8, NULL, REFUSED(KERNEL_REGISTER),
	 "offset 0xc, LATCH"},
	{"second half refused, written", STPW, GIC + 4, WRITE, GIC + 4, NULL, REFUSED(KERNEL_REGISTER),
	 "CONSTANT"},
	{"no register", LDPW, GIC + 0x28, READ, GIC + 0x28, NULL, REFUSED(KERNEL_REGISTER),
	 "offset 0x28 in kernel device gic; the kernel gives userspace no access there that equals the guest's; "},
	{"a size it does not take", LDP, GIC, READ, GIC, NULL, REFUSED(WINDOW), "WORDS"},
	{"the halves of what it does not take", LDR_POST, GIC + 0x20, READ, GIC + 0x20, NULL, REFUSED(WINDOW),
	 "BYTES"},
	{"of 8 bytes", LDP, GIC + 0x10, READ, GIC + 0x10, NULL, DONE("r8@80a0010 r8@80a0018", NULL), "WIDE"},
	{"of 8 bytes, the end", LDP, GIC + 0x18, READ, GIC + 0x18, NULL, REFUSED(WINDOW), "BYTES"},
	{"a byte", STRB_PRE, GIC + 0x24, WRITE, GIC + 0x23, NULL,
	 DONE("w1@80a0023=81", NULL, .x0 = GIC + 0x23), "BYTES"},
	{"a host that differs", STRB_PRE, GIC + 0x24, WRITE, GIC + 0x23, NULL, REFUSED(KERNEL_REGISTER),
	 "the host differs", &differing},
	{"a host that differs, read", LDRSB_W, GIC + 0x23, READ, GIC + 0x23, NULL,
	 DONE("r1@80a0023", NULL, .x0 = GIC + 0x24), "BYTES", &differing},
	{"rule for refusals",
	 STRW_POST,
	 GIC + 8,
	 WRITE,
	 GIC + 8,
	 "unsupported=stop",
	 {SV_VERDICT_STOP, SV_ENDING_STOPPED, SV_CAUSE_UNSUPPORTED, SV_REASON_KERNEL_REGISTER, "",
	  "unsupported=stop", 0, 0, 0},
	 "CONSTANT"},
	{"rule for what is possible", STRW_POST, GIC + 4, WRITE, GIC + 4, "nisv=inject",
	 INJECTED(NISV, POLICY, "", "nisv=inject"), "WORDS"},
	{"emulation cannot be forced", STRW_POST, GIC + 8, WRITE, GIC + 8, "emulate",
	 REFUSED(KERNEL_REGISTER), "CONSTANT"},
	{"watched",
	 STRW_POST,
	 GIC + 4,
	 WRITE,
	 GIC + 4,
	 "observe",
	 {SV_VERDICT_STOP, SV_ENDING_OBSERVED, SV_CAUSE_NISV, SV_REASON_NONE, "", "observe", 0, 0, 0},
	 "WORDS"},
	{"ignored",
	 LDPW,
	 GIC,
	 READ,
	 GIC,
	 "class:pair=ignore",
	 {SV_VERDICT_RESUME, SV_ENDING_IGNORED, SV_CAUSE_NISV, SV_REASON_NONE, "", "class:pair=ignore", 0, 0,
	  0},
	 "WORDS"},
	{"atomic", LDADD, GIC, READ, GIC, NULL, INJECTED(ATOMIC, ATOMIC, "", "device window"), "WORDS"},
	{"atomic of a size it does not take", SWP, GIC, READ, GIC, NULL,
	 INJECTED(ATOMIC, ATOMIC, "", "device window"), "WORDS"},
	{"half in the device, half in what follows", LDPW, GIC + 0xfffc, READ, GIC + 0xfffc, NULL,
	 REFUSED(KERNEL_REGISTER), "0xfffc"},
};

static void performed_or_refused(void **state)
{
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct expected *expected = &cases[i].expected;
		struct machine machine;
		struct sv_session session;
		struct sv_region gic = {.first = GIC,
					.last = GIC + 0xffff,
					.kind = SV_REGION_KERNEL,
					.name = "gic",
					.kernel = cases[i].map ? cases[i].map : &map};
		const char *name = cases[i].name;
		char text[512];

		setup(&machine, cases[i].rule);
		assert_int_equal(sv_space_add(&machine.space, &gic), SV_OK);
		memory_write(&machine.vcpu, RAM_BASE, 4, cases[i].word);
		machine.vcpu.regs[SV_X0] = cases[i].x0;
		check(name, run(&machine, &session, cases[i].iss, cases[i].ipa) == expected->verdict);
		check(name, session.report.ending == expected->ending);
		check(name, session.report.cause == expected->cause);
		check(name, session.report.reason == expected->reason);
		check(name, !strcmp(machine.log, expected->log));
		check(name, !expected->rule || !strcmp(session.report.rule->text, expected->rule));
		check(name, machine.vcpu.regs[SV_X0] == (expected->x0 ? expected->x0 : cases[i].x0));
		sv_report_text(&session.report, &machine.space, text, sizeof(text));
		if (!strstr(text, cases[i].text))
			print_message("%s: %s\n", name, text);
		check(name, strstr(text, cases[i].text));
	}
}

/* A map without registers is none: what sv_kvm_vgic_init leaves where it fails. */
static void empty_map(void **state)
{
	struct machine machine;
	struct sv_session session;
	struct sv_kernel_map empty = {0};
	struct sv_region gic = {.first = GIC,
				.last = GIC + 0xffff,
				.kind = SV_REGION_KERNEL,
				.name = "gic",
				.kernel = &empty};

	setup(&machine, NULL);
	assert_int_equal(sv_space_add(&machine.space, &gic), SV_OK);
	memory_write(&machine.vcpu, RAM_BASE, 4, STPW);
	machine.vcpu.regs[SV_X0] = GIC;
	assert_int_equal(run(&machine, &session, WRITE, GIC), SV_VERDICT_RESUME);
	assert_int_equal(session.report.reason, SV_REASON_KERNEL_DEVICE);
	assert_string_equal(machine.log, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(performed_or_refused),
					   cmocka_unit_test(empty_map)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
