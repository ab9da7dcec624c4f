/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sessions on a guest whose code and tables change under them: by other threads, as fast as they can, and
 * by a reader that changes something after every single read. race-model.c says from what a session was
 * given how it must have ended, and nothing else may have happened.
 *
 *	race [ABORTS [SEED]]
 */
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "support/check.h"
#include "support/memory-vcpu.h"

#include "race-guest.h"
#include "race-model.h"

#define PSTATE (0x3c5 | SV_PSTATE_SS | UINT64_C(1) << 10)

static unsigned long aborts = 50000;
static uint64_t seed = UINT64_C(0x5a17a6e);

/* Everything that a session did to memory, in order. */
struct touch {
	uint64_t ipa, value, before;
	unsigned size;
	bool write;
	enum sv_status status;
};

struct asked {
	uint64_t ipa, value;
	unsigned size;
	bool write;
	uint8_t op;
};

static struct run {
	struct memory_vcpu vcpu, before; /* memory_vcpu.ram is not used */
	struct sv_cpu_ops ops;
	struct sv_space space;
	struct sv_region regions[8];
	struct touch touches[64];
	unsigned touch_count, next;
	struct asked asked[16];
	unsigned asked_count;
	bool adversary; /* change something after every read */
	uint64_t random;
	/* The judge's own account of retries in a row. */
	unsigned retries, longest;
	uint64_t endings[SV_ENDING_COUNT], reasons[SV_ENDING_COUNT][SV_REASON_COUNT], own;
} run;

static struct touch *note(uint64_t ipa, unsigned size, bool write)
{
	struct touch *touch = &run.touches[run.touch_count++];

	assert_true(run.touch_count <= COUNT(run.touches));
	*touch = (struct touch){.ipa = ipa, .size = size, .write = write};
	return touch;
}

/*
 * Makes it likelier that a thread changes something between two reads: most of the time some hundred cycles,
 * seldom a time slice, without which a machine of few CPUs would change nothing here.
 */
static void linger(void)
{
	uint64_t r = random_next(&run.random);

	for (volatile unsigned i = (r & 3) ? 0 : (r >> 8) % 256; i; i--)
		;
	if (r >> 32 & 511)
		return;
	sched_yield();
}

static enum sv_status load(void *opaque, const struct sv_region *region, uint64_t ipa, unsigned size,
			   void *data)
{
	struct touch *touch = note(ipa, size, false);

	touch->status = race_read(region, ipa, size, &touch->value);
	if (!touch->status)
		memcpy(data, &touch->value, size);
	if (run.adversary)
		race_change(&run.random);
	else
		linger();
	return touch->status;
}

static enum sv_status store(void *opaque, const struct sv_region *region, uint64_t ipa, unsigned size,
			    const void *data)
{
	struct touch *touch = note(ipa, size, true);

	touch->status = race_read(region, ipa, size, &touch->before);
	memcpy(&touch->value, data, size);
	if (!touch->status)
		race_store(race_host(ipa), size, touch->value);
	return touch->status;
}

/* What a device holds: every byte different, and never changed. */
static uint8_t device_byte(uint64_t ipa)
{
	return (uint8_t)((ipa * UINT64_C(0x9e3779b97f4a7c15)) >> 40);
}

static uint64_t device_value(uint64_t ipa, unsigned size)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < size; i++)
		value |= (uint64_t)device_byte(ipa + i) << 8 * i;
	return value;
}

/* Looks at memory as it is now. */
static enum sv_status read_now(struct race_reader *reader, uint64_t ipa, unsigned size, uint64_t *value)
{
	struct sv_place place = sv_space_find(&run.space, ipa, false);

	return race_read(place.region, ipa, size, value);
}

/* Gives again what the session was given, which must have asked for the same. */
static enum sv_status read_again(struct race_reader *reader, uint64_t ipa, unsigned size, uint64_t *value)
{
	const struct touch *touch = &run.touches[run.next++];

	if (run.next > run.touch_count || touch->write || touch->ipa != ipa || touch->size != size)
		fail_msg("read %u should have been %u bytes at %llx", run.next, size,
			 (unsigned long long)ipa);
	*value = touch->value;
	return touch->status;
}

static void setup(void)
{
	static const struct sv_region platform[] = {
		{.first = RACE_RECORDER,
		 .last = RACE_RECORDER + 0xffff,
		 .kind = SV_REGION_WINDOW,
		 .name = "recorder",
		 .sizes = SV_SIZES_ANY,
		 .atomics = true},
		{.first = RACE_REGISTER_FILE,
		 .last = RACE_REGISTER_FILE + 0xfff,
		 .kind = SV_REGION_WINDOW,
		 .name = "register file",
		 .sizes = 4,
		 .aligned = true},
		{.first = RACE_DISTRIBUTOR,
		 .last = RACE_DISTRIBUTOR + 0xffff,
		 .kind = SV_REGION_KERNEL,
		 .name = "distributor"},
		{.first = RACE_RAM,
		 .last = RACE_RAM + RACE_RAM_SIZE - 1,
		 .kind = SV_REGION_RAM,
		 .name = "ram",
		 .host = race_ram},
		{.first = RACE_FLASH,
		 .last = RACE_FLASH + 0xfff,
		 .kind = SV_REGION_ROM,
		 .name = "flash",
		 .host = race_flash},
	};
	struct memory_vcpu *vcpu = &run.vcpu;

	memset(&run, 0, sizeof(run));
	run.random = seed;
	memory_vcpu_init(vcpu, NULL);
	run.ops = *vcpu->cpu.ops;
	run.ops.load = load;
	run.ops.store = store;
	vcpu->cpu.ops = &run.ops;
	sv_space_init(&run.space, run.regions, COUNT(run.regions));
	for (size_t i = 0; i < COUNT(platform); i++)
		assert_int_equal(sv_space_add(&run.space, &platform[i]), SV_OK);
	for (size_t i = 0; i < 32; i++)
		vcpu->regs[SV_X0 + i] = UINT64_C(0x0101010101010101) * i;
	vcpu->regs[SV_X0 + 8] = 0;
	vcpu->regs[SV_PC] = RACE_CODE + RACE_SLOT;
	vcpu->regs[SV_PSTATE] = PSTATE;
	vcpu->regs[SV_SCTLR_EL1] |= SV_SCTLR_M;
	vcpu->regs[SV_TTBR0_EL1] = RACE_LEVEL1;
	vcpu->regs[SV_TCR_EL1] = 25 | 25 << 16 | UINT64_C(2) << 30 | UINT64_C(5) << 32;
	vcpu->regs[SV_MAIR_EL1] = RACE_MAIR;
	race_guest_reset(&run.random);
}

/* The next registers that the vCPU comes with. */
static void shuffle(void)
{
	static const uint16_t offsets[] = {0x100, 0x108, 0x7fc, 0xff0,  0xff4,  0xff8,  0xffc,  0xff9,
					   0xffe, 0x101, 0x802, 0x1000, 0x1004, 0x1008, 0x1001, 0x1100};
	struct memory_vcpu *vcpu = &run.vcpu;
	uint64_t r = random_next(&run.random);

	vcpu->regs[SV_X0] = RACE_DATA + offsets[r % COUNT(offsets)];
	vcpu->regs[SV_X0 + 1] = random_next(&run.random);
	vcpu->regs[SV_X0 + 2] = random_next(&run.random);
	for (unsigned n = 0; n < 4; n++)
		for (unsigned i = 0; i < 32; i++)
			vcpu->z[n][i] = (uint8_t)(r >> 8 * (n + i) % 64 ^ i ^ n);
	vcpu->regs[SV_PC] = RACE_CODE + RACE_SLOT;
	vcpu->regs[SV_PSTATE] = PSTATE;
}

static enum sv_verdict session_run(struct sv_session *session, const struct sv_abort *abort)
{
	enum sv_verdict verdict;

	run.touch_count = run.asked_count = run.next = 0;
	run.vcpu.gets = run.vcpu.sets = run.vcpu.injections = 0;
	memset(run.vcpu.got, 0, sizeof(run.vcpu.got));
	run.before = run.vcpu;
	sv_session_begin(session, &run.vcpu.cpu, &run.space, NULL, abort);
	while ((verdict = sv_session_next(session)) == SV_VERDICT_ACCESS) {
		struct sv_access *access = &session->access;
		struct asked *asked = &run.asked[run.asked_count++];
		uint64_t value = device_value(access->ipa, access->size);

		assert_true(run.asked_count <= COUNT(run.asked) && access->size <= 8);
		*asked = (struct asked){
			.ipa = access->ipa, .size = access->size, .write = access->write, .op = access->op};
		if (access->op || !access->write)
			memcpy(access->data, &value, access->size);
		else
			memcpy(&asked->value, access->data, access->size);
	}
	return verdict;
}

static void same_registers(const struct memory_vcpu *want)
{
	for (unsigned reg = 0; reg < SV_REG_COUNT; reg++)
		if (run.vcpu.regs[reg] != want->regs[reg])
			fail_msg("register %u is %llx, not %llx", reg, (unsigned long long)run.vcpu.regs[reg],
				 (unsigned long long)want->regs[reg]);
	assert_memory_equal(run.vcpu.z, want->z, sizeof(want->z));
	assert_memory_equal(run.vcpu.p, want->p, sizeof(want->p));
}

/* Bytes of the registers that a store writes, as they lie in memory. */
static void stored_bytes(const struct race_insn *insn, const struct memory_vcpu *vcpu, uint8_t *bytes)
{
	for (unsigned i = 0; i < insn->count; i++) {
		unsigned n = i ? insn->Rt2 : insn->Rt;

		memcpy(bytes + i * insn->esize,
		       insn->simd ? (const void *)vcpu->z[n] : (const void *)&vcpu->regs[SV_X0 + n],
		       insn->esize);
	}
}

static uint64_t extended(const struct race_insn *insn, uint64_t value)
{
	unsigned unused = 64 - 8 * insn->esize;

	if (!insn->extend)
		return value;
	value = (uint64_t)((int64_t)(value << unused) >> unused);
	return insn->extend == 4 ? (uint32_t)value : value;
}

/* The registers after bytes have been loaded. */
static void loaded(const struct race_insn *insn, const uint8_t *bytes, struct memory_vcpu *want)
{
	for (unsigned i = 0; i < insn->count; i++) {
		unsigned n = i || race_is_atomic(insn) ? insn->Rt2 : insn->Rt;
		uint64_t value = 0;

		if (insn->simd) {
			memset(want->z[n], 0, sizeof(want->z[n]));
			memcpy(want->z[n], bytes + i * insn->esize, insn->esize);
			continue;
		}
		memcpy(&value, bytes + i * insn->esize, insn->esize);
		want->regs[SV_X0 + n] = extended(insn, value);
	}
}

/*
 * The elements of the instruction went where the session was told that they are, in order, and nothing else
 * did. True: all of them; false: memory was in the way of one.
 */
static bool judge_elements(const struct race_view *view, uint8_t *bytes)
{
	const struct race_insn *insn = view->insn;
	bool writes = race_writes(insn), atomic = race_is_atomic(insn), whole = true;
	unsigned at = 0, size, device = 0;

	for (; whole && at < view->length; at += size) {
		const struct race_byte *byte = &view->bytes[at];
		uint64_t value = 0;

		size = race_piece(view, at);
		memcpy(&value, bytes + at, size);
		if (byte->place == RACE_IS_WINDOW) {
			const struct asked *asked = &run.asked[device++];

			assert_true(device <= run.asked_count);
			assert_int_equal(asked->ipa, byte->ipa);
			assert_int_equal(asked->size, size);
			assert_int_equal(asked->write, writes);
			assert_int_equal(!!asked->op, atomic);
			if (writes && !atomic)
				assert_int_equal(asked->value, value);
			value = device_value(byte->ipa, size);
		} else {
			const struct touch *touch = &run.touches[run.next++];

			assert_true(run.next <= run.touch_count);
			assert_int_equal(touch->ipa, byte->ipa);
			assert_int_equal(touch->size, size);
			assert_int_equal(touch->write, writes);
			if (writes)
				assert_int_equal(touch->value, value);
			value = touch->value;
			whole = touch->status == SV_OK;
		}
		if (!writes || atomic)
			memcpy(bytes + at, &value, size);
	}
	assert_int_equal(device, run.asked_count);
	return whole;
}

static void judge_injection(const struct race_expected *expected, const struct race_view *view)
{
	const struct sv_injection *injection = &run.vcpu.injection;
	enum sv_exception_kind kind = SV_EXCEPTION_DATA_EXTERNAL;

	if (expected->reason == SV_REASON_DATA_TRANSLATION && !view->no_table)
		kind = SV_EXCEPTION_DATA_STAGE1;
	else if (expected->reason == SV_REASON_ALIGNMENT)
		kind = SV_EXCEPTION_ALIGNMENT;
	else if (expected->cause == SV_CAUSE_EXCLUSIVE || expected->cause == SV_CAUSE_ATOMIC)
		kind = SV_EXCEPTION_UNSUPPORTED_ATOMIC;
	assert_int_equal(run.vcpu.injections, 1);
	if (sv_injection_check(injection) != SV_OK)
		fail_msg("%s: no CPU reports kind %d, fsc %#x, va %llx%s", sv_reason_text(expected->reason),
			 injection->kind, injection->fsc, (unsigned long long)injection->va,
			 injection->va_exact ? ", exact" : "");
	assert_int_equal(injection->kind, kind);
	/* Stage 1's own faults are about the byte that stage 1 denies. */
	if (expected->reason == SV_REASON_DATA_TRANSLATION || kind == SV_EXCEPTION_ALIGNMENT)
		assert_int_equal(injection->va, view->va + (unsigned)view->first_fault);
	if (injection->va_exact)
		assert_in_range(injection->va, view->va, view->va + view->length - 1);
}

/* Whether this retry is the one too many: there is one instruction here, so any other ending begins anew. */
static bool judge_retry(bool retried)
{
	if (!retried || run.retries == SV_RETRY_LIMIT) {
		run.retries = 0;
		return retried;
	}
	run.retries++;
	return false;
}

/* Everything about one session that is over. */
static void judge(const struct sv_session *session, enum sv_verdict verdict, const struct sv_abort *abort)
{
	const struct sv_report *report = &session->report;
	struct race_reader again = {read_again};
	struct race_expected expected;
	struct race_view view;
	struct memory_vcpu want = run.before;
	uint8_t bytes[RACE_BYTES] = {0};

	race_look(&again, run.before.regs[SV_X0], abort, &view);
	expected = race_expect(&view, abort);
	if (expected.ending == SV_ENDING_COMPLETED) {
		stored_bytes(view.insn, &want, bytes);
		if (!judge_elements(&view, bytes))
			expected = (struct race_expected){SV_ENDING_INJECTED, SV_CAUSE_POISON,
							  SV_REASON_MEMORY_FAULT};
	}
	if (judge_retry(expected.ending == SV_ENDING_RETRIED))
		expected.ending = SV_ENDING_INJECTED;
	if (report->ending != expected.ending || report->cause != expected.cause ||
	    report->reason != expected.reason)
		fail_msg("word %08x, x0 %llx, iss %llx, ipa %llx: %s, %s, %s; not %s, %s, %s", view.word,
			 (unsigned long long)run.before.regs[SV_X0], (unsigned long long)abort->esr_iss,
			 (unsigned long long)abort->fault_ipa, sv_ending_name(report->ending),
			 sv_cause_name(report->cause), sv_reason_text(report->reason),
			 sv_ending_name(expected.ending), sv_cause_name(expected.cause),
			 sv_reason_text(expected.reason));
	/* Nothing was read but what explains the outcome. */
	assert_int_equal(run.next, run.touch_count);
	for (unsigned reg = 0; reg < SV_REG_COUNT; reg++)
		assert_in_range(run.vcpu.got[reg], 0, 1);
	assert_int_equal(verdict, report->ending == SV_ENDING_RETRIED ? SV_VERDICT_RETRY : SV_VERDICT_RESUME);

	if (report->ending == SV_ENDING_COMPLETED) {
		assert_int_equal(report->word, view.word);
		if (!race_writes(view.insn) || race_is_atomic(view.insn))
			loaded(view.insn, bytes, &want);
		want.regs[SV_X0] += (uint64_t)(int64_t)view.insn->writeback;
		want.regs[SV_PC] += 4;
		want.regs[SV_PSTATE] &= ~(SV_PSTATE_SS | SV_PSTATE_BTYPE);
		assert_int_equal(report->accesses, run.asked_count);
	} else {
		assert_int_equal(run.vcpu.sets, 0);
		if (report->reason != SV_REASON_MEMORY_FAULT)
			assert_int_equal(run.asked_count, 0);
	}
	same_registers(&want);
	if (report->ending == SV_ENDING_INJECTED)
		judge_injection(&expected, &view);
	else
		assert_int_equal(run.vcpu.injections, 0);

	if (run.retries > run.longest)
		run.longest = run.retries;
	run.endings[report->ending]++;
	run.reasons[report->ending][report->reason]++;
}

static void undo_stores(void)
{
	while (run.touch_count--)
		if (run.touches[run.touch_count].write && !run.touches[run.touch_count].status)
			race_store(race_host(run.touches[run.touch_count].ipa),
				   run.touches[run.touch_count].size, run.touches[run.touch_count].before);
}

/*
 * The vCPU: looks at memory as hardware would, reports what it sees, and after a retry tries again. A CPU
 * that nobody told (no TLBI, no IC) goes on with what it saw.
 */
static void drive(unsigned long count)
{
	struct race_reader now = {read_now};
	bool again = false, stale = false;
	struct sv_abort abort = {0};

	while (count) {
		static struct sv_session session;
		uint64_t r = random_next(&run.random);
		struct race_view view;
		enum sv_verdict verdict;

		if (!again)
			shuffle();
		if (!stale) {
			race_look(&now, run.vcpu.regs[SV_X0], NULL, &view);
			if (!race_abort(&view, r, &abort)) {
				run.own++;
				again = false;
				if (run.adversary || run.own % 64 == 0)
					race_change(&run.random);
				continue;
			}
		}
		/* Some time passes between the abort and the exit. */
		for (unsigned i = 0; run.adversary && i < (r >> 8) % 4; i++)
			race_change(&run.random);
		verdict = session_run(&session, &abort);
		judge(&session, verdict, &abort);
		undo_stores();
		again = verdict == SV_VERDICT_RETRY;
		stale = again && (stale || r >> 60 == 0);
		count--;
	}
}

static void print_tally(const char *what)
{
	printf("# %s, seed %#llx:\n", what, (unsigned long long)seed);
	for (unsigned ending = 0; ending < SV_ENDING_COUNT; ending++) {
		if (!run.endings[ending])
			continue;
		printf("#   %10llu %s\n", (unsigned long long)run.endings[ending], sv_ending_name(ending));
		for (unsigned reason = 1; reason < SV_REASON_COUNT; reason++)
			if (run.reasons[ending][reason])
				printf("#     %8llu %s\n", (unsigned long long)run.reasons[ending][reason],
				       sv_reason_text(reason));
	}
	printf("#   %10llu times the CPU had nothing to report; most retries in a row: %u\n",
	       (unsigned long long)run.own, run.longest);
}

/* What this exists for has happened. */
static void covered(void)
{
	static const struct {
		enum sv_ending ending;
		enum sv_reason reason;
	} wanted[] = {
		{SV_ENDING_COMPLETED, SV_REASON_NONE},
		{SV_ENDING_RETRIED, SV_REASON_PC_TRANSLATION},
		{SV_ENDING_RETRIED, SV_REASON_PC_NOT_MEMORY},
		{SV_ENDING_RETRIED, SV_REASON_NOT_DECODED},
		{SV_ENDING_RETRIED, SV_REASON_ISV_ROW},
		{SV_ENDING_RETRIED, SV_REASON_DIRECTION},
		{SV_ENDING_RETRIED, SV_REASON_ADDRESS},
		{SV_ENDING_RETRIED, SV_REASON_DATA_TRANSLATION},
		{SV_ENDING_RETRIED, SV_REASON_ALIGNMENT},
		{SV_ENDING_INJECTED, SV_REASON_FETCH_FAULT},
		{SV_ENDING_INJECTED, SV_REASON_UNPREDICTABLE},
		{SV_ENDING_INJECTED, SV_REASON_DATA_TRANSLATION},
		{SV_ENDING_INJECTED, SV_REASON_HOLE},
		{SV_ENDING_INJECTED, SV_REASON_KERNEL_DEVICE},
		{SV_ENDING_INJECTED, SV_REASON_WINDOW},
		{SV_ENDING_INJECTED, SV_REASON_ATOMIC},
		{SV_ENDING_INJECTED, SV_REASON_MEMORY_FAULT},
		{SV_ENDING_INJECTED, SV_REASON_FRAGMENTED},
		{SV_ENDING_INJECTED, SV_REASON_ADDRESS},
	};

	for (size_t i = 0; i < COUNT(wanted); i++)
		if (!run.reasons[wanted[i].ending][wanted[i].reason])
			fail_msg("none was %s: %s", sv_ending_name(wanted[i].ending),
				 sv_reason_text(wanted[i].reason));
	assert_int_equal(run.endings[SV_ENDING_STOPPED], 0);
	assert_int_equal(run.endings[SV_ENDING_IGNORED], 0);
}

/* After every read something is changed: what is read twice is two things. */
static void after_every_read(void **state)
{
	setup();
	run.adversary = true;
	drive(aborts / 2);
	print_tally("changed after every read");
	covered();
}

static bool over;

static struct changer {
	void (*change)(uint64_t *random);
	unsigned pause; /* poison stays for a while */
	uint64_t random;
	pthread_t thread;
} changers[] = {{race_change_code}, {race_change_tables}, {race_change_poison, .pause = 50}};

static void *change_until_over(void *opaque)
{
	struct changer *changer = opaque;

	while (!__atomic_load_n(&over, __ATOMIC_RELAXED)) {
		changer->change(&changer->random);
		for (unsigned i = 0; i < changer->pause && !__atomic_load_n(&over, __ATOMIC_RELAXED); i++)
			sched_yield();
	}
	return NULL;
}

static int start_changers(void **state)
{
	setup();
	over = false;
	for (size_t i = 0; i < COUNT(changers); i++) {
		changers[i].random = seed + 1 + i;
		if (pthread_create(&changers[i].thread, NULL, change_until_over, &changers[i]))
			return -1;
	}
	return 0;
}

static int stop_changers(void **state)
{
	__atomic_store_n(&over, true, __ATOMIC_RELAXED);
	for (size_t i = 0; i < COUNT(changers); i++)
		pthread_join(changers[i].thread, NULL);
	return 0;
}

/* Real threads, which nothing orders. How often they meet a session depends on the machine. */
static void by_threads(void **state)
{
	drive(aborts - aborts / 2);
	print_tally("changed by threads");
	assert_int_equal(run.endings[SV_ENDING_STOPPED], 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(after_every_read),
		cmocka_unit_test_setup_teardown(by_threads, start_changers, stop_changers),
	};

	if (argc > 1)
		aborts = strtoul(argv[1], NULL, 0);
	if (argc > 2)
		seed = strtoull(argv[2], NULL, 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
