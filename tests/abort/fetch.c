/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a session reads of the guest's memory: each thing once, although it changes after every read; and what
 * comes of it where there is nothing to be read, or it hurts.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "kvm/vcpu.h"

#include "machine.h"

#define LEVEL2 (RAM_BASE + 0x1000)
#define LEVEL3 (RAM_BASE + 0x2000)
#define LEVEL1 (RAM_BASE + 0x3020)
#define PAGES  UINT64_C(0x200000) /* two pages of data: indexes 0 and 1 of LEVEL3 */
#define PXN    (UINT64_C(1) << 53)
#define UXN    (UINT64_C(1) << 54)

#define SET_M 0x19c14440 /* setm [x0]!, x2!, x1 */

static struct machine machine;
static struct sv_cpu_ops ops;
static uint64_t reads[64];
static unsigned read_count;

static enum sv_status memory_load(const struct sv_region *region, uint64_t ipa, unsigned size, void *data)
{
	memcpy(data, (const char *)region->host + (ipa - region->first), size);
	return SV_OK;
}

/* After every read what was read is something else. */
static enum sv_status load_and_spoil(void *vcpu, const struct sv_region *region, uint64_t ipa, unsigned size,
				     void *data)
{
	assert_true(read_count < COUNT(reads));
	reads[read_count++] = ipa;
	memory_load(region, ipa, size, data);
	memset((char *)region->host + (ipa - region->first), 0, size);
	return SV_OK;
}

/* As the binding to KVM reads: faults of the host become errors. */
static enum sv_status load_guarded(void *vcpu, const struct sv_region *region, uint64_t ipa, unsigned size,
				   void *data)
{
	return sv_kvm_guarded_load((const char *)region->host + (ipa - region->first), size, data);
}

static void begin(uint32_t word)
{
	struct memory_vcpu *vcpu = &machine.vcpu;

	setup(&machine, NULL);
	ops = *vcpu->cpu.ops;
	vcpu->cpu.ops = &ops;
	read_count = 0;
	memory_write(vcpu, RAM_BASE, 4, word);
	memory_write(vcpu, LEVEL1, 8, LEVEL2 | 3);
	memory_write(vcpu, LEVEL1 + 8, 8, RAM_BASE | 0x4c1);
	memory_write(vcpu, LEVEL2 + 8, 8, LEVEL3 | 3);
	memory_write(vcpu, LEVEL3, 8, RECORDER | 0x443);
	memory_write(vcpu, LEVEL3 + 8, 8, (RECORDER + 0x5000) | 0x443);
	vcpu->regs[SV_SCTLR_EL1] |= SV_SCTLR_M;
	vcpu->regs[SV_TTBR0_EL1] = LEVEL1;
	vcpu->regs[SV_MAIR_EL1] = 0xff;
	vcpu->regs[SV_TCR_EL1] = 32 | 32 << 16 | UINT64_C(2) << 30 | UINT64_C(5) << 32;
	vcpu->regs[SV_X0] = PAGES + 0x100;
}

static void everything_once(void **state)
{
	static const uint64_t once[] = {LEVEL1 + 8, RAM_BASE, LEVEL1, LEVEL2 + 8, LEVEL3};
	static const struct {
		const char *name;
		uint32_t word;
		uint64_t x0, x2, iss, ipa;
	} cases[] = {
		{"a load", LDR_POST, PAGES + 0x100, 0, READ, RECORDER + 0x100},
		{"a pair of stores", STP, PAGES + 0x100, 0, WRITE, RECORDER + 0x108},
		{"an atomic", LDADD, PAGES + 0x100, 0, READ, RECORDER + 0x100},
		{"a set", SET_M, PAGES + 0x100, 0x40, WRITE, RECORDER + 0x100},
		{"a set whose abort is behind its chunk", SET_M, PAGES + 0x100, 0x800, WRITE,
		 RECORDER + 0x300},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct sv_session session;

		begin(cases[i].word);
		ops.load = load_and_spoil;
		machine.vcpu.regs[SV_X0] = cases[i].x0;
		machine.vcpu.regs[SV_X0 + 2] = cases[i].x2 ? cases[i].x2 : X2;
		machine.vcpu.regs[SV_PSTATE] |= SV_PSTATE_C; /* x2 of a set is what is left */
		run(&machine, &session, cases[i].iss, cases[i].ipa);
		if (session.report.ending != SV_ENDING_COMPLETED)
			fail_msg("%s: %s, %s", cases[i].name, sv_ending_name(session.report.ending),
				 sv_reason_text(session.report.reason));
		check(cases[i].name, session.report.word == cases[i].word);
		check(cases[i].name, read_count == COUNT(once) && !memcmp(reads, once, sizeof(once)));
	}
}

/* A set that is cut where a device of half a page ends: no page is walked for what is left of it. */
static void a_shortened_set(void **state)
{
	static const uint64_t once[] = {LEVEL1 + 8, RAM_BASE, LEVEL1, LEVEL2 + 8, LEVEL3};
	struct sv_session session;

	begin(SET_M);
	ops.load = load_and_spoil;
	/* The recorder's last bytes are a page's; 0x0a030000 is a window of 0x120 bytes, then a hole. */
	assert_int_equal(sv_space_add(&machine.space, &(struct sv_region){.first = 0x0a030000,
									  .last = 0x0a03011f,
									  .kind = SV_REGION_WINDOW,
									  .name = "short",
									  .sizes = SV_SIZES_ANY}),
			 SV_OK);
	memory_write(&machine.vcpu, LEVEL3, 8, 0x0a030000 | 0x443);
	machine.vcpu.regs[SV_X0 + 2] = 0x80;
	machine.vcpu.regs[SV_PSTATE] |= SV_PSTATE_C;
	run(&machine, &session, WRITE, 0x0a030100);
	assert_int_equal(session.report.ending, SV_ENDING_COMPLETED);
	assert_string_equal(machine.log, "w8@a030100=8181818181818181 w8@a030108=8181818181818181 "
					 "w8@a030110=8181818181818181 w8@a030118=8181818181818181");
	assert_int_equal(read_count, COUNT(once));
	assert_memory_equal(reads, once, sizeof(once));
}

/* Where the PC points to, what is seen first, and what is injected when retries do not help. */
static void no_code(void **state)
{
	static const struct {
		const char *name;
		uint64_t pc, desc;
		enum sv_ending ending;
		enum sv_reason reason;
	} cases[] = {
		{"read-only memory", PAGES, FLASH | 0x4c3, SV_ENDING_COMPLETED, SV_REASON_NONE},
		{"a hole", PAGES, 0x0b000000 | 0x4c3, SV_ENDING_RETRIED, SV_REASON_PC_NOT_MEMORY},
		{"a device", PAGES, RECORDER | 0x4c3, SV_ENDING_RETRIED, SV_REASON_PC_NOT_MEMORY},
		{"a device of the kernel", PAGES, DISTRIBUTOR | 0x4c3, SV_ENDING_RETRIED,
		 SV_REASON_PC_NOT_MEMORY},
		{"behind memory", PAGES, (RAM_BASE + RAM_SIZE) | 0x4c3, SV_ENDING_RETRIED,
		 SV_REASON_PC_NOT_MEMORY},
		{"nowhere", PAGES, 0, SV_ENDING_RETRIED, SV_REASON_PC_TRANSLATION},
		{"not to be executed", PAGES, RAM_BASE | 0x4c3 | PXN, SV_ENDING_RETRIED,
		 SV_REASON_PC_TRANSLATION},
		{"unaligned", RAM_BASE + 2, RAM_BASE | 0x4c3, SV_ENDING_RETRIED, SV_REASON_PC_TRANSLATION},
		{"the last word of memory", RAM_BASE + RAM_SIZE - 4, 0, SV_ENDING_COMPLETED, SV_REASON_NONE},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct sv_session session;
		unsigned tries = 0;

		begin(LDR_POST);
		memcpy(machine.flash, &(uint32_t){LDR_POST}, 4);
		memory_write(&machine.vcpu, RAM_BASE + RAM_SIZE - 4, 4, LDR_POST);
		memory_write(&machine.vcpu, LEVEL3, 8, cases[i].desc);
		machine.vcpu.regs[SV_PC] = cases[i].pc;
		machine.vcpu.regs[SV_X0] = PAGES + 0x1000;
		while (run(&machine, &session, READ, RECORDER + 0x5000) == SV_VERDICT_RETRY && tries++ < 99)
			check(cases[i].name, session.report.reason == cases[i].reason);
		check(cases[i].name, tries == (cases[i].ending == SV_ENDING_RETRIED ? SV_RETRY_LIMIT : 0));
		check(cases[i].name, session.report.reason == cases[i].reason);
		check(cases[i].name, machine.vcpu.injections == (cases[i].ending == SV_ENDING_RETRIED));
	}
}

/* EL0's execute-only page: nobody at EL0 may read it, fetching is not reading. */
static void execute_only(void **state)
{
	struct sv_session session;

	begin(LDR_POST);
	machine.vcpu.regs[SV_PSTATE] = 0x3c0;
	machine.vcpu.regs[SV_PC] = PAGES;
	machine.vcpu.regs[SV_X0] = PAGES + 0x1000;
	memory_write(&machine.vcpu, LEVEL3, 8, RAM_BASE | 0x403 | PXN);
	assert_int_equal(run(&machine, &session, READ, RECORDER + 0x5000), SV_VERDICT_RESUME);
	assert_int_equal(session.report.ending, SV_ENDING_COMPLETED);
	/* The same page with UXN, and as data. */
	begin(LDR_POST);
	machine.vcpu.regs[SV_PSTATE] = 0x3c0;
	machine.vcpu.regs[SV_PC] = PAGES;
	machine.vcpu.regs[SV_X0] = PAGES + 0x1000;
	memory_write(&machine.vcpu, LEVEL3, 8, RAM_BASE | 0x403 | PXN | UXN);
	run(&machine, &session, READ, RECORDER + 0x5000);
	assert_int_equal(session.report.reason, SV_REASON_PC_TRANSLATION);
	begin(LDP);
	machine.vcpu.regs[SV_PSTATE] = 0x3c0;
	machine.vcpu.regs[SV_PC] = PAGES + 0x1000;
	machine.vcpu.regs[SV_X0] = PAGES + 0x1ff8 - 0x1000;
	memory_write(&machine.vcpu, LEVEL3 + 8, 8, RAM_BASE | 0x403 | PXN);
	run(&machine, &session, READ, RECORDER + 0xff8);
	assert_int_equal(session.report.ending, SV_ENDING_INJECTED);
	assert_int_equal(session.report.reason, SV_REASON_DATA_TRANSLATION);
	assert_int_equal(machine.vcpu.injection.fsc, 0x0f);
}

/* Memory is a file that somebody truncates: under the opcode, a table, and half of an access. */
static void truncated(void **state)
{
	static const struct {
		const char *name;
		uint64_t page; /* of RAM, that is lost */
		enum sv_reason reason;
	} cases[] = {
		{"the opcode", RAM_BASE, SV_REASON_FETCH_FAULT},
		{"the first table", LEVEL1 & ~UINT64_C(0xfff), SV_REASON_FETCH_FAULT},
		{"a table of the data", LEVEL3, SV_REASON_MEMORY_FAULT},
		{"half of the access", RAM_BASE + 0x4000, SV_REASON_MEMORY_FAULT},
	};

	assert_int_equal(sv_kvm_guard(), SV_OK);
	for (size_t i = 0; i < COUNT(cases); i++) {
		int fd = memfd_create("lost", 0);
		struct memory_vcpu before;
		struct sv_session session;
		char *host;

		/* One page is a file of no length; the others are not. */
		begin(LDP);
		memory_write(&machine.vcpu, LEVEL3 + 8, 8, (RAM_BASE + 0x4000) | 0x443);
		host = mmap(NULL, RAM_SIZE + 0x1000, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			    0);
		assert_true(host != MAP_FAILED && fd >= 0);
		memcpy(host, machine.ram, RAM_SIZE);
		assert_true(mmap(host + (cases[i].page - RAM_BASE), 0x1000, PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_FIXED, fd, 0) != MAP_FAILED);
		const struct sv_region places[] = {
			{.first = RAM_BASE,
			 .last = RAM_BASE + RAM_SIZE + 0xfff,
			 .kind = SV_REGION_RAM,
			 .name = "ram",
			 .host = host},
			{.first = RECORDER,
			 .last = RECORDER + 0xffff,
			 .kind = SV_REGION_WINDOW,
			 .name = "recorder",
			 .sizes = SV_SIZES_ANY},
		};

		sv_space_init(&machine.space, machine.regions, COUNT(machine.regions));
		for (size_t j = 0; j < COUNT(places); j++)
			assert_int_equal(sv_space_add(&machine.space, &places[j]), SV_OK);
		ops.load = load_guarded;
		machine.vcpu.regs[SV_X0] = PAGES + 0xff8;
		before = machine.vcpu;
		run(&machine, &session, READ, RECORDER + 0xff8);
		if (session.report.reason != cases[i].reason)
			fail_msg("%s: %s", cases[i].name, sv_reason_text(session.report.reason));
		check(cases[i].name, session.report.ending == SV_ENDING_INJECTED);
		check(cases[i].name, session.report.cause == SV_CAUSE_POISON);
		check(cases[i].name, sv_injection_check(&machine.vcpu.injection) == SV_OK);
		check(cases[i].name, !memcmp(machine.vcpu.regs, before.regs, sizeof(before.regs)));
		munmap(host, RAM_SIZE + 0x1000);
		close(fd);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_once), cmocka_unit_test(a_shortened_set),
		cmocka_unit_test(no_code),         cmocka_unit_test(execute_only),
		cmocka_unit_test(truncated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
