/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * KVM_SET_VCPU_EVENTS: what is refused, in which order things happen, when they show, and what becomes of an
 * MMIO access that they answer; by generation of kernels (docs/injection.md has what was measured).
 */
#include <errno.h>

#include "machine.h"
#include "scripted-cpu.h"

#define DABT          (UINT64_C(0x24) << 26 | IL)
#define IABT          (UINT64_C(0x20) << 26 | IL)
#define IL            (UINT64_C(1) << 25)
#define ISV           (UINT64_C(1) << 24)
#define SSE           (UINT64_C(1) << 21)
#define SF            (UINT64_C(1) << 15)
#define FnV           (UINT64_C(1) << 10)
#define WnR           (UINT64_C(1) << 6)
#define TRANS         0x07
#define EXT           0x10
#define VECTOR        (RAM + 0x800 + 0x200)
#define SERROR_VECTOR (VECTOR + 0x180)
#define UNMASKED      UINT64_C(0x2c5) /* EL1h, all but A masked */

static const struct scripted_step nisv = {SOFT_ABORT, DABT | WnR | TRANS, HOLE + 8, HOLE};
/* ldrsb w1, [x0] */
static const struct scripted_step load = {SOFT_ABORT, DABT | ISV | SSE | 1 << 16 | TRANS, HOLE + 8, HOLE};

static int set_events(struct machine *m, struct sv_kvm_vcpu_events events)
{
	return machine_ioctl(m, m->vcpu, SV_KVM_SET_VCPU_EVENTS, &events);
}

static struct sv_kvm_vcpu_events get_events(struct machine *m)
{
	struct sv_kvm_vcpu_events events;

	memset(&events, 0xff, sizeof(events));
	assert_int_equal(machine_ioctl(m, m->vcpu, SV_KVM_GET_VCPU_EVENTS, &events), 0);
	return events;
}

/* A machine whose vCPU came back with this abort. */
static void open_at(struct machine *m, const struct sv_soft_config *config, const struct scripted_step *step)
{
	machine_open(m, config);
	assert_int_equal(machine_enable(m, SV_KVM_CAP_ARM_NISV_TO_USER), 0);
	scripted_play(step, 1);
	assert_int_equal(machine_run(m), 0);
}

static void settle(struct machine *m)
{
	m->run->immediate_exit = 1;
	assert_int_equal(machine_run(m), -EINTR);
	m->run->immediate_exit = 0;
}

#define DABT_PENDING .ext_dabt_pending = 1
#define IABT_PENDING .ext_iabt_pending = 1

static void refused(void **state)
{
	static const struct {
		const char *name;
		bool ext_iabt, no_ras;
		enum sv_soft_kernel kernel;
		struct sv_kvm_vcpu_events events;
		int rc;
		bool aborted; /* the data abort was done all the same */
	} tests[] = {
		{"nothing", .rc = 0},
		{"padding", .events = {.exception = {.pad = {1}}}, .rc = -EINVAL},
		{"padding's end", .events = {.exception = {.pad = {0, 0, 0, 1}, DABT_PENDING}},
		 .rc = -EINVAL},
		{"reserved", .events = {.exception = {DABT_PENDING}, .reserved = {[11] = 1}}, .rc = -EINVAL},
		{"instruction abort in mainline", .events = {.exception = {IABT_PENDING}}, .rc = -EINVAL},
		{"instruction abort", true, .events = {.exception = {IABT_PENDING}}, .aborted = true},
		{"both aborts", true, .events = {.exception = {DABT_PENDING, IABT_PENDING}}, .rc = -EINVAL},
		{"both aborts in mainline", .events = {.exception = {DABT_PENDING, IABT_PENDING}},
		 .rc = -EINVAL},
		{"data abort", .events = {.exception = {DABT_PENDING}}, .aborted = true},
		{"SError with a syndrome beyond the ISS, after a data abort",
		 .events = {.exception = {DABT_PENDING, .serror_pending = 1, .serror_has_esr = 1,
					  .serror_esr = UINT64_C(1) << 25}},
		 .rc = -EINVAL, .aborted = true},
		{"the same before 6.17: nothing is done", .kernel = SV_SOFT_LINUX_6_12,
		 .events = {.exception = {DABT_PENDING, .serror_pending = 1, .serror_has_esr = 1,
					  .serror_esr = UINT64_C(1) << 25}},
		 .rc = -EINVAL},
		{"a syndrome without RAS", false, true,
		 .events = {.exception = {DABT_PENDING, .serror_pending = 1, .serror_has_esr = 1}},
		 .rc = -EINVAL, .aborted = true},
		{"a syndrome and no SError", false, true, .events = {.exception = {.serror_has_esr = 1}}},
	};

	for (size_t i = 0; i < COUNT(tests); i++) {
		struct sv_soft_config config = {.kernel = tests[i].kernel,
						.ext_iabt = tests[i].ext_iabt,
						.no_ras = tests[i].no_ras};
		struct machine m;

		open_at(&m, &config, &nisv);
		check(tests[i].name, set_events(&m, tests[i].events) == tests[i].rc);
		check(tests[i].name, machine_get(&m, PC) == (tests[i].aborted ? VECTOR : RAM));
		check(tests[i].name, !!machine_get(&m, ESR) == tests[i].aborted);
		check(tests[i].name, !get_events(&m).exception.serror_pending);
		machine_close(&m);
	}
}

static void not_initialised(void **state)
{
	struct sv_kvm_vcpu_events events = {0};
	struct machine m;
	int fd;

	machine_open(&m, NULL);
	fd = machine_ioctl(&m, m.vm, SV_KVM_CREATE_VCPU, (void *)1);
	assert_int_equal(machine_ioctl(&m, fd, SV_KVM_SET_VCPU_EVENTS, &events), -ENOEXEC);
	assert_int_equal(machine_ioctl(&m, fd, SV_KVM_GET_VCPU_EVENTS, &events), -ENOEXEC);
	assert_int_equal(machine_ioctl(&m, fd, SV_KVM_RUN, NULL), -ENOEXEC);
	machine_close(&m);
}

/* An abort that is the answer to an exit: syndrome, address, and when the rest shows. */
static void when(void **state)
{
	static const struct {
		enum sv_soft_kernel kernel;
		bool at_once;
	} tests[] = {{SV_SOFT_LINUX_7_1, true}, {SV_SOFT_LINUX_6_12, false}, {SV_SOFT_LINUX_5_10, true}};

	for (size_t i = 0; i < COUNT(tests); i++) {
		struct sv_soft_config config = {.kernel = tests[i].kernel};
		struct machine m;

		open_at(&m, &config, &nisv);
		assert_int_equal(set_events(&m, (struct sv_kvm_vcpu_events){.exception = {DABT_PENDING}}), 0);
		assert_int_equal(machine_get(&m, ESR), UINT64_C(0x25) << 26 | IL | EXT);
		assert_int_equal(machine_get(&m, FAR), HOLE + 8);
		assert_int_equal(machine_get(&m, PC), tests[i].at_once ? VECTOR : RAM);
		assert_int_equal(machine_get(&m, ELR), tests[i].at_once ? RAM : 0);
		/* It is never pending to see. */
		assert_int_equal(get_events(&m).exception.ext_dabt_pending, 0);
		settle(&m);
		assert_int_equal(machine_get(&m, PC), VECTOR);
		assert_int_equal(machine_get(&m, ELR), RAM);
		assert_int_equal(machine_get(&m, SPSR), 0x3c5);
		machine_close(&m);
	}
}

/*
 * After an MMIO read: whether it is completed, by writing X1. again: only the KVM_RUN after one that ran
 * nothing does that, if the page still says MMIO.
 */
static void completion(void **state)
{
	static const struct {
		enum sv_soft_kernel kernel;
		bool first, again;
	} tests[] = {
		{SV_SOFT_LINUX_7_1, false, false},
		{SV_SOFT_LINUX_6_12, false, true},
		{SV_SOFT_LINUX_5_10, true, true},
	};

	for (size_t i = 0; i < COUNT(tests); i++) {
		struct sv_soft_config config = {.kernel = tests[i].kernel};
		struct machine m;

		open_at(&m, &config, &load);
		assert_int_equal(m.run->exit_reason, SV_KVM_EXIT_MMIO);
		assert_int_equal(m.run->mmio.len, 1);
		m.run->mmio.data[0] = 0x80;
		assert_int_equal(set_events(&m, (struct sv_kvm_vcpu_events){.exception = {DABT_PENDING}}), 0);
		settle(&m);
		assert_int_equal(machine_get(&m, GPR(1)), tests[i].first ? 0xffffff80 : 0);
		assert_int_equal(machine_get(&m, PC), VECTOR + (tests[i].first ? 4 : 0));
		assert_int_equal(machine_get(&m, ELR), RAM);
		settle(&m);
		assert_int_equal(machine_get(&m, GPR(1)), tests[i].again ? 0xffffff80 : 0);
		assert_int_equal(machine_get(&m, PC), VECTOR + (tests[i].again ? 4 : 0));
		machine_close(&m);
	}
}

/* Without an event the read is completed, once, whoever moved the PC meanwhile. */
static void completed(void **state)
{
	static const struct {
		uint64_t iss;
		unsigned size;
		uint64_t sctlr, rt;
	} tests[] = {
		{1 << 16, 1, 0, 0x88},
		{1 << 16 | SSE, 1, 0, 0xffffff88},
		{1 << 16 | SSE | SF, 1, 0, 0xffffffffffffff88},
		{1 << 16 | 1 << 22, 2, 0, 0x9988},
		{1 << 16 | 1 << 22 | SSE | SF, 2, 0, 0xffffffffffff9988},
		{1 << 16 | 2 << 22, 4, 0, 0xbbaa9988},
		{1 << 16 | 2 << 22 | SSE | SF, 4, 0, 0xffffffffbbaa9988},
		{1 << 16 | 3 << 22 | SF, 8, 0, 0xffeeddccbbaa9988},
		{1 << 16 | 2 << 22, 4, UINT64_C(1) << 25, 0x8899aabb},
		{1 << 16 | 3 << 22 | SF, 8, UINT64_C(1) << 25, 0x8899aabbccddeeff},
		{31 << 16 | 3 << 22 | SF, 8, 0, 0},
	};
	static const uint8_t data[8] = {0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff};

	for (size_t i = 0; i < COUNT(tests); i++) {
		struct scripted_step step = {SOFT_ABORT, DABT | ISV | tests[i].iss | TRANS, HOLE, HOLE};
		struct machine m;

		open_at(&m, NULL, &step);
		machine_set(&m, SCTLR, machine_get(&m, SCTLR) | tests[i].sctlr);
		assert_int_equal(m.run->mmio.len, tests[i].size);
		memcpy(m.run->mmio.data, data, sizeof(data));
		machine_set(&m, PC, RAM + 0x100);
		settle(&m);
		assert_int_equal(machine_get(&m, GPR(1)), tests[i].rt);
		assert_int_equal(machine_get(&m, PC), RAM + 0x104);
		settle(&m);
		assert_int_equal(machine_get(&m, PC), RAM + 0x104);
		machine_close(&m);
	}
}

static void stored(void **state)
{
	static const struct {
		uint64_t sctlr, esr, value;
	} tests[] = {
		{0, 2 << 22 | 2 << 16, 0x44332211},
		{UINT64_C(1) << 25, 2 << 22 | 2 << 16, 0x11223344},
		{0, 3 << 22 | 2 << 16 | SF, 0x8877665544332211},
		{0, 3 << 22 | 31 << 16, 0},
	};

	for (size_t i = 0; i < COUNT(tests); i++) {
		struct scripted_step step = {SOFT_ABORT, DABT | ISV | WnR | tests[i].esr | TRANS, HOLE, HOLE};
		struct machine m;
		uint64_t value = 0;

		machine_open(&m, NULL);
		machine_set(&m, SCTLR, machine_get(&m, SCTLR) | tests[i].sctlr);
		machine_set(&m, GPR(2), 0x8877665544332211);
		scripted_play(&step, 1);
		assert_int_equal(machine_run(&m), 0);
		assert_true(m.run->mmio.is_write);
		memcpy(&value, m.run->mmio.data, m.run->mmio.len);
		assert_int_equal(value, tests[i].value);
		settle(&m);
		assert_int_equal(machine_get(&m, PC), RAM + 4);
		machine_close(&m);
	}
}

static void serrors(void **state)
{
	static const struct {
		enum sv_soft_kernel kernel;
		bool unmasked, has_esr, pending;
		uint64_t esr; /* ESR_EL1, or what is pending */
	} tests[] = {
		{SV_SOFT_LINUX_7_1, false, false, true, 0x1000000},
		{SV_SOFT_LINUX_7_1, false, true, true, 0x123},
		{SV_SOFT_LINUX_7_1, true, false, false, 0xbf000000},
		{SV_SOFT_LINUX_7_1, true, true, false, 0xbe000123},
		{SV_SOFT_LINUX_6_12, true, true, true, 0x123},
		{SV_SOFT_LINUX_5_10, true, false, true, 0x1000000},
	};

	for (size_t i = 0; i < COUNT(tests); i++) {
		struct sv_soft_config config = {.kernel = tests[i].kernel};
		struct sv_kvm_vcpu_events events = {
			.exception = {.serror_pending = 1,
				      .serror_has_esr = tests[i].has_esr,
				      .serror_esr = tests[i].has_esr ? 0x123 : 0}};
		struct machine m;

		open_at(&m, &config, &nisv);
		if (tests[i].unmasked)
			machine_set(&m, PSTATE, UNMASKED);
		assert_int_equal(set_events(&m, events), 0);
		events = get_events(&m);
		assert_int_equal(events.exception.serror_pending, tests[i].pending);
		assert_int_equal(events.exception.serror_has_esr, 1);
		if (tests[i].pending) {
			assert_int_equal(events.exception.serror_esr, tests[i].esr);
			assert_int_equal(machine_get(&m, PC), RAM);
		} else {
			assert_int_equal(machine_get(&m, ESR), tests[i].esr);
			assert_int_equal(machine_get(&m, PC), SERROR_VECTOR);
			assert_int_equal(machine_get(&m, FAR), 0);
		}
		machine_close(&m);
	}
}

/* Both in one request: from 6.17 on the abort comes first, and the SError finds its handler masked. */
static void both(void **state)
{
	struct sv_kvm_vcpu_events events = {.exception = {DABT_PENDING, .serror_pending = 1}};
	struct machine m;

	open_at(&m, NULL, &nisv);
	machine_set(&m, PSTATE, UNMASKED);
	assert_int_equal(set_events(&m, events), 0);
	assert_int_equal(machine_get(&m, PC), VECTOR);
	assert_int_equal(machine_get(&m, SPSR), UNMASKED);
	assert_int_equal(get_events(&m).exception.serror_pending, 1);
	machine_close(&m);
}

static void fnv(void **state)
{
	static const struct {
		bool extension;
		uint64_t esr;
	} tests[] = {{false, UINT64_C(0x25) << 26 | IL | EXT}, {true, UINT64_C(0x25) << 26 | IL | FnV | EXT}};
	static const struct scripted_step step = {SOFT_ABORT, DABT | FnV | EXT, 0, RAM};

	for (size_t i = 0; i < COUNT(tests); i++) {
		struct sv_soft_config config = {.ext_iabt = tests[i].extension};
		struct machine m;

		machine_open(&m, &config);
		assert_int_equal(machine_ioctl(&m, m.vm, SV_KVM_CHECK_EXTENSION,
					       (void *)SV_SOFT_CAP_ARM_INJECT_EXT_IABT),
				 tests[i].extension);
		assert_int_equal(machine_enable(&m, SV_KVM_CAP_ARM_SEA_TO_USER), 0);
		scripted_play(&step, 1);
		assert_int_equal(machine_run(&m), 0);
		assert_int_equal(set_events(&m, (struct sv_kvm_vcpu_events){.exception = {DABT_PENDING}}), 0);
		assert_int_equal(machine_get(&m, ESR), tests[i].esr);
		machine_close(&m);
	}
}

int main(void)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test(refused),   cmocka_unit_test(not_initialised),
		cmocka_unit_test(when),      cmocka_unit_test(completion),
		cmocka_unit_test(completed), cmocka_unit_test(stored),
		cmocka_unit_test(serrors),   cmocka_unit_test(both),
		cmocka_unit_test(fnv),
	};

	return cmocka_run_group_tests_name("softkvm-events", all, NULL, NULL);
}
