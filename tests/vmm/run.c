/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The VMM on a kernel that plays scripts: what it makes of every exit, how it ends, and that it leaves
 * nothing behind.
 */
#include <errno.h>
#include <fcntl.h>
#include <libfdt.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "support/check.h"

#include "fake-kernel.h"
#include "vm.h"

#define RECORDER      0x0a000000
#define EXIT_REGISTER 0x0a010000
#define REGISTER_FILE 0x0a020000
#define UART          0x09000000
#define HOLE          0x0b000000

#define ESR_WnR 0x46 /* a translation fault of a write, as KVM_EXIT_ARM_NISV gives it */

/* Bytes: the limit of the events, which a guest that floods reaches. */
#define EVENTS 60000

static struct fake_kernel kernel;
static struct vmm_error error;
static char guest_path[] = "salvage-run-XXXXXX";
static char *events;
static char told[65536]; /* standard error */

/* stp x1, x2, [x0], #16; ldxr x1, [x0]; st64b x2, [x0]; stp w1, w2, [x0], #8; ldp w1, w2, [x0] */
static const uint32_t guest_words[] = {0xa8810801, 0xc85f7c01, 0xf83f9002, 0x28810801, 0x29400801};

static struct vmm_config config(void)
{
	return (struct vmm_config){.guest = guest_path,
				   .memory = 1 << 20,
				   .vcpus = 1,
				   .salvage = true,
				   .input = -1,
				   .output = -1};
}

/* Runs it. The lines of events are in events afterwards; what people would see is in told. */
static int run(struct vmm_kernel *backend, struct vmm_config *config)
{
	static char buffer[65536];
	FILE *file = fmemopen(buffer, sizeof(buffer), "w"), *null = fmemopen(told, sizeof(told), "w"),
	     *before = stderr;
	int status;

	assert_non_null(file);
	memset(buffer, 0, sizeof(buffer));
	events = buffer;
	config->kernel = backend;
	/* The last event comes on top of the limit. */
	config->events = vmm_events_new(file, "vm", EVENTS);
	stderr = null;
	status = vmm_run(config, &error);
	stderr = before;
	vmm_events_free(config->events);
	fclose(file);
	fclose(null);
	assert_null(strchr(error.text, '\n'));
	assert_int_equal(kernel.open_fds, 0);
	assert_int_equal(kernel.mappings, 0);
	return status;
}

static int run_script(const struct fake_run *script, bool salvage)
{
	struct vmm_kernel backend = fake_kernel(&kernel);
	struct vmm_config c = config();

	kernel.script[0] = script;
	c.salvage = salvage;
	return run(&backend, &c);
}

static void mmio(struct sv_kvm_run *run, uint64_t address, uint32_t length, bool write, uint64_t value)
{
	run->mmio.phys_addr = address;
	run->mmio.len = length;
	run->mmio.is_write = write;
	memcpy(run->mmio.data, &value, sizeof(value));
}

#define FILL(name, ...)                          \
	static void name(struct sv_kvm_run *run) \
	{                                        \
		mmio(run, __VA_ARGS__);          \
	}
FILL(write_recorder, RECORDER + 5, 8, true, 0x1122334455667788)
FILL(read_recorder, RECORDER + 4, 4, false, ~UINT64_C(0))
FILL(exit_7, EXIT_REGISTER, 4, true, 7)
FILL(exit_200, EXIT_REGISTER, 4, true, 200)
FILL(read_hole, HOLE, 8, false, ~UINT64_C(0))
FILL(write_hole, HOLE, 8, true, 1)
FILL(narrow_exit, EXIT_REGISTER, 1, true, 7)
FILL(wide_register, REGISTER_FILE, 8, true, 7)
FILL(long_access, RECORDER, 200, true, 7)
FILL(uart_unmask, UART + 0x38, 4, true, 0x70)
FILL(uart_write, UART, 4, true, 'A')
FILL(uart_acknowledge, UART + 0x44, 4, true, 0x20)
FILL(uart_read, UART, 4, false, 0)

static void is_recorded(struct fake_kernel *k, const struct sv_kvm_run *run)
{
	assert_memory_equal(run->mmio.data, "\0\x88\x77\x66", 4);
}

#define MMIO_CHECK(filler, checker)                                         \
	{                                                                   \
		.reason = SV_KVM_EXIT_MMIO, .fill = filler, .look = checker \
	}
#define MMIO(filler) MMIO_CHECK(filler, NULL)
#define BLOCK                    \
	{                        \
		.rc = FAKE_BLOCK \
	}

static void device_accesses(void **state)
{
	static const struct fake_run script[] = {MMIO(write_recorder), MMIO(read_recorder),
						 MMIO_CHECK(exit_7, is_recorded), BLOCK};

	assert_int_equal(run_script(script, true), 7);
	assert_string_equal(error.text, "");
	assert_int_equal(kernel.injections, 0);
	assert_int_equal(kernel.nisv_enabled, 1);
	assert_non_null(strstr(
		events, "\"dir\":\"w\",\"ipa\":\"0xa000005\",\"size\":8,\"value\":\"0x1122334455667788\""));
	assert_non_null(
		strstr(events, "\"dir\":\"r\",\"ipa\":\"0xa000004\",\"size\":4,\"value\":\"0x66778800\""));
	assert_non_null(
		strstr(events, "\"event\":\"exit\",\"status\":7,\"reason\":\"guest\",\"dropped\":0}\n"));

	/* The same without an event for each access. */
	struct vmm_kernel backend = fake_kernel(&kernel);
	struct vmm_config c = config();

	kernel.script[0] = script;
	c.no_mmio_events = true;
	assert_int_equal(run(&backend, &c), 7);
	assert_null(strstr(events, "\"mmio\""));
	assert_non_null(strstr(events, "\"exit\""));
}

static void status_is_clamped(void **state)
{
	static const struct fake_run script[] = {MMIO(exit_200), BLOCK};

	assert_int_equal(run_script(script, true), 99);
	assert_non_null(strstr(events, "\"status\":200,\"reason\":\"guest\""));
}

static void off(struct sv_kvm_run *run)
{
	run->system_event.type = SV_KVM_SYSTEM_EVENT_SHUTDOWN;
}

static void reset(struct sv_kvm_run *run)
{
	run->system_event.type = SV_KVM_SYSTEM_EVENT_RESET;
}

static void crash(struct sv_kvm_run *run)
{
	run->system_event.type = SV_KVM_SYSTEM_EVENT_CRASH;
}

static void strange_event(struct sv_kvm_run *run)
{
	run->system_event.type = 77;
}

/* Every way in which the kernel can end a run. */
static void endings(void **state)
{
	static const struct {
		const char *name;
		struct fake_run run;
		bool no_salvage;
		int status;
		const char *reason, *text;
	} cases[] = {
		{"off", {0, SV_KVM_EXIT_SYSTEM_EVENT, off, NULL}, false, 0, "off", ""},
		{"reset", {0, SV_KVM_EXIT_SYSTEM_EVENT, reset, NULL}, false, 107, "reset", ""},
		{"crash", {0, SV_KVM_EXIT_SYSTEM_EVENT, crash, NULL}, false, 107, "crash", ""},
		{"event",
		 {0, SV_KVM_EXIT_SYSTEM_EVENT, strange_event, NULL},
		 false,
		 105,
		 "kernel",
		 "system event"},
		{"ENOSYS", {-ENOSYS, 0, NULL, NULL}, true, 105, "kernel", "try without --no-salvage"},
		{"ENOSYS",
		 {-ENOSYS, 0, NULL, NULL},
		 false,
		 105,
		 "kernel",
		 "KVM_RUN: Function not implemented"},
		{"EFAULT", {-EFAULT, 0, NULL, NULL}, false, 105, "kernel", "KVM_RUN: Bad address ("},
		{"EHWPOISON", {-EHWPOISON, 0, NULL, NULL}, true, 105, "kernel", "try without --no-salvage"},
		{"ENOMEM", {-ENOMEM, 0, NULL, NULL}, false, 105, "kernel", "out of memory"},
		{"ENOEXEC", {-ENOEXEC, 0, NULL, NULL}, false, 105, "kernel", "not initialised"},
		{"EIO", {-EIO, 0, NULL, NULL}, false, 105, "kernel", "KVM_RUN: Input/output error"},
		{"fail entry", {0, SV_KVM_EXIT_FAIL_ENTRY, NULL, NULL}, false, 105, "kernel", "FAIL_ENTRY"},
		{"internal",
		 {0, SV_KVM_EXIT_INTERNAL_ERROR, NULL, NULL},
		 false,
		 105,
		 "kernel",
		 "INTERNAL_ERROR"},
		{"64 bytes without salvage",
		 {0, SV_KVM_EXIT_ARM_LDST64B, NULL, NULL},
		 true,
		 105,
		 "kernel",
		 "64 bytes"},
		{"sea", {0, SV_KVM_EXIT_ARM_SEA, NULL, NULL}, true, 105, "kernel", "exit reason 41"},
		{"sea of no abort",
		 {0, SV_KVM_EXIT_ARM_SEA, NULL, NULL},
		 false,
		 105,
		 "kernel",
		 "exit reason 41"},
		{"0", {0, 0, NULL, NULL}, false, 105, "kernel", "exit reason 0"},
		{"huge", {0, UINT32_MAX, NULL, NULL}, false, 105, "kernel", "exit reason 4294967295"},
		{"nisv not asked for",
		 {0, SV_KVM_EXIT_ARM_NISV, NULL, NULL},
		 true,
		 105,
		 "kernel",
		 "nobody asked"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		/* What only interrupts is no end. */
		const struct fake_run script[] = {
			{.rc = -EINTR}, {.rc = -EAGAIN}, {.reason = SV_KVM_EXIT_INTR}, cases[i].run, BLOCK};
		char reason[64];

		check(cases[i].name, run_script(script, !cases[i].no_salvage) == cases[i].status);
		check(cases[i].name,
		      *cases[i].text ? strstr(error.text, cases[i].text) != NULL : !*error.text);
		snprintf(reason, sizeof(reason), "\"reason\":\"%s\"", cases[i].reason);
		check(cases[i].name, strstr(events, reason));
	}
}

/* A kernel from before the capability: the run goes on without it, and the message says what was missing. */
static void old_kernel(void **state)
{
	static const struct fake_run script[] = {MMIO(write_recorder), {.rc = -ENOSYS}};
	struct vmm_kernel backend = fake_kernel(&kernel);
	struct vmm_config c = config();

	kernel.nisv_error = -EINVAL;
	kernel.script[0] = script;
	assert_int_equal(run(&backend, &c), 105);
	assert_non_null(strstr(error.text, "no KVM_CAP_ARM_NISV_TO_USER"));
	assert_non_null(strstr(events, "\"mmio\""));
}

static int run_policy(const struct fake_run *script, const char *rule)
{
	struct vmm_kernel backend = fake_kernel(&kernel);
	struct vmm_config c = config();
	struct sv_rule rules[1];
	struct sv_rule_error why;
	const struct sv_rule *other;
	struct sv_rule parsed;

	c.policy = (struct sv_policy){rules, 1, 0};
	if (rule) {
		assert_int_equal(sv_rule_parse(rule, strlen(rule), &parsed, &why), SV_OK);
		assert_int_equal(sv_policy_add(&c.policy, &parsed, &other), SV_OK);
	}
	kernel.script[0] = script;
	return run(&backend, &c);
}

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
	assert_non_null(strstr(error.text, "Function not implemented"));
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

#define DISTRIBUTOR   0x08000000
#define REDISTRIBUTOR 0x080a0000
#define ISENABLER     0x100
#define ICPENDR       0x280
#define IPRIORITYR    0x400
#define SGI_BASE      0x10000

/* stp w1, w2, [x0], #8 and ldp w1, w2, [x0] */
enum { STORE_PAIR = 12, LOAD_PAIR = 16 };

static void gic_abort(struct fake_kernel *k, unsigned vcpu, uint64_t pc, uint64_t base)
{
	*fake_register(k, vcpu, SV_KVM_CORE(0)) = base;
	*fake_register(k, vcpu, SV_KVM_CORE(8)) = 0xffffffff11111111;
	*fake_register(k, vcpu, SV_KVM_CORE(16)) = 0x22222222;
	*fake_register(k, vcpu, SV_KVM_CORE(SV_KVM_CORE_PSTATE)) = 0x3c5;
	*fake_register(k, vcpu, SV_KVM_CORE(SV_KVM_CORE_PC)) = 0x40000000 + pc;
}

#define GIC_ABORT(name, vcpu, pc, base)                                              \
	static void name##_fill(struct sv_kvm_run *run)                              \
	{                                                                            \
		run->arm_nisv.esr_iss = (pc) == STORE_PAIR ? ESR_WnR : 6;            \
		run->arm_nisv.fault_ipa = base;                                      \
	}                                                                            \
	static void name##_look(struct fake_kernel *k, const struct sv_kvm_run *run) \
	{                                                                            \
		gic_abort(k, vcpu, pc, base);                                        \
	}
GIC_ABORT(enable, 0, STORE_PAIR, DISTRIBUTOR + ISENABLER + 4)
GIC_ABORT(priority, 0, LOAD_PAIR, REDISTRIBUTOR + 0x20000 + SGI_BASE + IPRIORITYR + 8)
GIC_ABORT(pending, 0, STORE_PAIR, DISTRIBUTOR + ICPENDR + 4)
GIC_ABORT(straddle, 0, STORE_PAIR, DISTRIBUTOR + ISENABLER + 0xfc)
GIC_ABORT(other, 1, STORE_PAIR, DISTRIBUTOR + IPRIORITYR + 0x40)
#define NISV(name)                                                                       \
	{                                                                                \
		.reason = SV_KVM_EXIT_ARM_NISV, .fill = name##_fill, .look = name##_look \
	}

static void done_enable(struct fake_kernel *k, const struct sv_kvm_run *run)
{
	assert_int_equal(*fake_gic_register(k, 1, ISENABLER + 4), 0x11111111);
	assert_int_equal(*fake_gic_register(k, 1, ISENABLER + 8), 0x22222222);
	assert_int_equal(*fake_register(k, 0, SV_KVM_CORE(0)), DISTRIBUTOR + ISENABLER + 12);
	assert_int_equal(*fake_register(k, 0, SV_KVM_CORE(SV_KVM_CORE_PC)), 0x40000000 + STORE_PAIR + 4);
	*fake_gic_register(k, 5, UINT64_C(1) << 32 | (SGI_BASE + IPRIORITYR + 8)) = 0x80a0c0e0;
	*fake_gic_register(k, 5, UINT64_C(1) << 32 | (SGI_BASE + IPRIORITYR + 12)) = 0x00204060;
	priority_look(k, run);
}

static void done_priority(struct fake_kernel *k, const struct sv_kvm_run *run)
{
	assert_int_equal(*fake_register(k, 0, SV_KVM_CORE(8)), 0x80a0c0e0);
	assert_int_equal(*fake_register(k, 0, SV_KVM_CORE(16)), 0x00204060);
}

/*
 * The vGIC's registers, with the other vCPUs wherever they are: asleep in KVM_RUN, running, asking for the
 * same, or never started.
 */
static void vgic(void **state)
{
	static const struct fake_run script[] = {
		NISV(enable),
		{.reason = SV_KVM_EXIT_ARM_NISV, .fill = priority_fill, .look = done_enable},
		MMIO_CHECK(exit_7, done_priority),
		BLOCK};
	static const struct fake_run busy[] = {
		{.rc = -EINTR}, MMIO(write_recorder), {.rc = -EAGAIN}, MMIO(write_recorder), BLOCK};
	static const struct fake_run same[] = {NISV(other), NISV(other), NISV(other), NISV(other), BLOCK};

	for (unsigned i = 0; i < 200; i++) {
		struct vmm_kernel backend = fake_kernel(&kernel);
		struct vmm_config c = config();

		c.vcpus = 4;
		kernel.script[0] = script;
		kernel.script[1] = i % 2 ? same : busy;
		kernel.script[2] = busy;
		/* Of the last vCPU: its redistributor says Last. */
		*fake_gic_register(&kernel, 5, UINT64_C(3) << 32 | 8) = 0x10;
		assert_int_equal(run(&backend, &c), 7);
		assert_int_equal(kernel.gic_busy, 0);
		assert_int_equal(kernel.injections, 0);
		assert_non_null(strstr(events, "\"dir\":\"w\",\"ipa\":\"0x8000104\",\"size\":4,\"value\":"
					       "\"0x11111111\",\"device\":\"GICv3 distributor\""));
		assert_non_null(strstr(events, "\"dir\":\"r\",\"ipa\":\"0x80d0408\",\"size\":4,\"value\":"
					       "\"0x80a0c0e0\",\"device\":\"GICv3 redistributors\""));
	}
}

/* Nothing is touched where one register of several cannot be reached, or the kernel gives no access. */
static void vgic_refused(void **state)
{
	static const struct fake_run refused[] = {NISV(pending), MMIO(exit_7), BLOCK};
	static const struct fake_run half[] = {NISV(straddle), MMIO(exit_7), BLOCK};
	static const struct fake_run allowed[] = {NISV(enable), MMIO(exit_7), BLOCK};
	struct vmm_kernel backend;
	struct vmm_config c = config();
	const char *reason = "\"reason\":\"the kernel gives userspace no access there";

	assert_int_equal(run_script(refused, true), 7);
	assert_int_equal(kernel.injections, 1);
	assert_int_equal(kernel.gic_accesses, 2); /* what sv_kvm_vgic_init reads */
	assert_non_null(strstr(events, reason));
	assert_non_null(strstr(events, "\"cause\":\"unsupported\""));
	assert_null(strstr(events, "\"dir\":\"w\",\"ipa\":\"0x8000"));

	/* The last word of ICENABLER is possible, the first of ISPENDR is not. */
	assert_int_equal(run_script(half, true), 7);
	assert_non_null(strstr(events, "\"ipa\":\"0x8000200\""));
	assert_non_null(strstr(events, "\"accesses\":0,\"verdict\":\"injected\""));
	assert_int_equal(kernel.gic_accesses, 2);

	/* A kernel without the attributes. */
	backend = fake_kernel(&kernel);
	kernel.gic_attr_error = -ENXIO;
	kernel.script[0] = allowed;
	assert_int_equal(run(&backend, &c), 7);
	assert_int_equal(kernel.injections, 1);
	assert_non_null(strstr(events, "the device is inside the kernel"));
}

static void lose_attributes(struct fake_kernel *k, const struct sv_kvm_run *run)
{
	enable_look(k, run);
	k->gic_attr_error = -EBUSY;
}

/* One that refuses all the same: the instruction ends with an abort. */
static void vgic_fails(void **state)
{
	static const struct fake_run script[] = {
		{.reason = SV_KVM_EXIT_ARM_NISV, .fill = enable_fill, .look = lose_attributes},
		MMIO(exit_7),
		BLOCK};

	assert_int_equal(run_script(script, true), 7);
	assert_int_equal(kernel.injections, 1);
	assert_non_null(strstr(events, "the device refused the access"));
	assert_null(strstr(events, "\"dir\":\"w\",\"ipa\":\"0x8000"));
}

/* The interrupt line follows the UART. */
static void interrupts(void **state)
{
	static const struct fake_run script[] = {MMIO(uart_unmask), MMIO(uart_write), MMIO(uart_acknowledge),
						 MMIO(uart_write),  MMIO(exit_7),     BLOCK};

	assert_int_equal(run_script(script, true), 7);
	assert_int_equal(kernel.lines_high, 2);
	assert_int_equal(kernel.lines_low, 1);
	/* The console is in no event. */
	assert_null(strstr(events, "pl011"));
}

/*
 * Reads until the character that came from outside is there. The step is the read before it once more, so it
 * repeats itself: each read is looked at, and the one that takes the character is not lost.
 */
static void until_x(struct fake_kernel *k, const struct sv_kvm_run *run)
{
	if (run->mmio.data[0] != 'x')
		k->at[0] -= 1;
}

static void until_a(struct fake_kernel *k, const struct sv_kvm_run *run)
{
	if (run->mmio.data[0] != 1)
		k->at[0] -= 1;
}

static void console(void **state)
{
	static const struct fake_run script[] = {MMIO(uart_write), MMIO(uart_read), MMIO_CHECK(NULL, until_x),
						 MMIO(exit_7), BLOCK};
	struct vmm_kernel backend = fake_kernel(&kernel);
	struct vmm_config c = config();
	int in[2], out[2];
	char text[8] = {0};

	assert_int_equal(pipe(in) | pipe(out), 0);
	assert_int_equal(write(in[1], "x", 1), 1);
	close(in[1]);
	c.input = in[0];
	c.output = out[1];
	kernel.script[0] = script;
	assert_int_equal(run(&backend, &c), 7);
	assert_int_equal(read(out[0], text, sizeof(text)), 1);
	assert_string_equal(text, "A");
	close(in[0]);
	close(out[0]);
	close(out[1]);
}

/*
 * Any of several vCPUs ends all, wherever the others are: asleep in KVM_RUN, about to enter it, or never
 * started.
 */
static void several(void **state)
{
	static const struct fake_run busy[] = {{.rc = -EINTR}, MMIO(write_recorder), {.rc = -EINTR}, BLOCK};
	static const struct fake_run ender[] = {MMIO(exit_7), BLOCK};

	for (unsigned i = 0; i < 200; i++) {
		struct vmm_kernel backend = fake_kernel(&kernel);
		struct vmm_config c = config();

		c.vcpus = 4;
		for (unsigned vcpu = 0; vcpu < 3; vcpu++)
			kernel.script[vcpu] = vcpu == i % 3 ? ender : busy;
		assert_int_equal(run(&backend, &c), 7);
		for (unsigned vcpu = 0; vcpu < 4; vcpu++)
			assert_int_equal(kernel.features[vcpu],
					 1u << SV_KVM_ARM_VCPU_PSCI_0_2 | 1u << SV_KVM_ARM_VCPU_SVE |
						 1u << SV_KVM_ARM_VCPU_PTRAUTH_ADDRESS |
						 1u << SV_KVM_ARM_VCPU_PTRAUTH_GENERIC | (vcpu ? 1 : 0));
	}
}

/* Two ends at once: one counts. */
static void both_end(void **state)
{
	static const struct fake_run seven[] = {MMIO(exit_7), BLOCK};
	static const struct fake_run stop[] = {{0, SV_KVM_EXIT_SYSTEM_EVENT, reset, NULL}, BLOCK};

	for (unsigned i = 0; i < 100; i++) {
		struct vmm_kernel backend = fake_kernel(&kernel);
		struct vmm_config c = config();
		int status;

		c.vcpus = 2;
		kernel.script[0] = seven;
		kernel.script[1] = stop;
		status = run(&backend, &c);
		assert_true(status == 7 || status == 107);
		assert_non_null(
			strstr(events, status == 7 ? "\"reason\":\"guest\"" : "\"reason\":\"reset\""));
	}
}

/* The first end counts, in every part of it. */
static void ends_twice(void **state)
{
	struct vmm_vm vm = {.console = {.wake = -1}};
	struct vmm_error late = {.status = 105, .text = "late"};

	pthread_mutex_init(&vm.end_lock, NULL);
	vmm_end(&vm, 7, VMM_REASON_GUEST);
	vmm_end(&vm, 107, VMM_REASON_RESET);
	vmm_end_error(&vm, &late, VMM_REASON_KERNEL);
	assert_true(atomic_load(&vm.ended));
	assert_int_equal(vm.status, 7);
	assert_string_equal(vm.reason, VMM_REASON_GUEST);
	assert_string_equal(vm.error.text, "");
}

static void terminate(struct fake_kernel *k, const struct sv_kvm_run *run)
{
	kill(getpid(), SIGTERM);
}

static void signals(void **state)
{
	static const struct fake_run script[] = {{.rc = FAKE_BLOCK, .look = terminate}};

	assert_int_equal(run_script(script, true), 128 + SIGTERM);
	assert_non_null(strstr(events, "\"reason\":\"signal\""));
}

static void timeout(void **state)
{
	static const struct fake_run script[] = {BLOCK};
	struct vmm_kernel backend = fake_kernel(&kernel);
	struct vmm_config c = config();

	kernel.script[0] = script;
	c.timeout = 1;
	assert_int_equal(run(&backend, &c), 108);
	assert_non_null(strstr(events, "\"reason\":\"timeout\""));
}

/* Every request of the start fails once, with one line and nothing left open. */
static void failing_starts(void **state)
{
	static const struct fake_run script[] = {MMIO(exit_7), BLOCK};
	unsigned failures = 0;
	bool done = false;

	for (int at = 0; !done; at++) {
		struct vmm_kernel backend = fake_kernel(&kernel);
		struct vmm_config c = config();
		int status;

		c.vcpus = 2;
		kernel.script[0] = script;
		kernel.fail_at = at;
		kernel.fail_error = EPERM;
		status = run(&backend, &c);
		done = kernel.requests <= at;
		/* Some failures are no reason to give up: a capability that is missing then. */
		if (status == 7)
			continue;
		assert_int_equal(status, VMM_UNAVAILABLE);
		assert_true(*error.text);
		assert_non_null(strstr(events, "\"status\":101"));
		failures++;
		assert_true(at < 100);
	}
	assert_true(failures > 15);
}

static void missing(void **state)
{
	static const struct fake_run script[] = {MMIO(exit_7), BLOCK};
	struct vmm_kernel backend = fake_kernel(&kernel);
	struct vmm_config c = config();

	kernel.script[0] = script;
	kernel.gic_error = -ENODEV;
	assert_int_equal(run(&backend, &c), 101);
	assert_non_null(strstr(error.text, "GICv3"));

	backend = fake_kernel(&kernel);
	kernel.script[0] = script;
	kernel.without[0] = SV_KVM_CAP_ARM_EL1_32BIT;
	assert_int_equal(run(&backend, &c), 7);
	c.aarch32 = true;
	backend = fake_kernel(&kernel);
	kernel.without[0] = SV_KVM_CAP_ARM_EL1_32BIT;
	assert_int_equal(run(&backend, &c), 101);
	assert_non_null(strstr(error.text, "--aarch32"));
	backend = fake_kernel(&kernel);
	kernel.script[0] = script;
	assert_int_equal(run(&backend, &c), 7);
	assert_int_equal(kernel.features[0], 6);
	assert_int_equal(kernel.mte_enabled, 0);

	/* Kernels without SVE, pointer authentication or half of it, and memory tags. */
	c = config();
	backend = fake_kernel(&kernel);
	kernel.script[0] = script;
	kernel.without[0] = SV_KVM_CAP_ARM_SVE;
	assert_int_equal(run(&backend, &c), 7);
	assert_int_equal(kernel.features[0], 0x64);
	assert_int_equal(kernel.mte_enabled, 1);
	for (unsigned half = SV_KVM_CAP_ARM_PTRAUTH_ADDRESS; half <= SV_KVM_CAP_ARM_PTRAUTH_GENERIC; half++) {
		backend = fake_kernel(&kernel);
		kernel.script[0] = script;
		kernel.without[0] = half;
		assert_int_equal(run(&backend, &c), 7);
		assert_int_equal(kernel.features[0], 0x14);
	}
	backend = fake_kernel(&kernel);
	kernel.script[0] = script;
	kernel.without[0] = SV_KVM_CAP_ARM_MTE;
	assert_int_equal(run(&backend, &c), 7);
	assert_int_equal(kernel.mte_enabled, 0);

	/* A CPU with 36-bit addresses; RAM begins at 1 GiB. */
	c = config();
	backend = fake_kernel(&kernel);
	kernel.ipa_bits = 36;
	c.memory = UINT64_C(64) << 30;
	assert_int_equal(run(&backend, &c), 100);
	assert_non_null(strstr(error.text, "36-bit"));
	c.memory = UINT64_C(63) << 30;
	backend = fake_kernel(&kernel);
	kernel.ipa_bits = 36;
	kernel.script[0] = script;
	assert_int_equal(run(&backend, &c), 7);
}

static void no_guest(void **state)
{
	struct vmm_kernel backend = fake_kernel(&kernel);
	struct vmm_config c = config();

	c.guest = "/nonexistent/guest";
	assert_int_equal(run(&backend, &c), 102);
	assert_int_equal(kernel.requests, 0);
	c = config();
	c.initrd = "/nonexistent/initrd";
	backend = fake_kernel(&kernel);
	assert_int_equal(run(&backend, &c), 102);
	assert_non_null(strstr(error.text, "initrd"));
	c = config();
	c.dtb = guest_path;
	backend = fake_kernel(&kernel);
	assert_int_equal(run(&backend, &c), 102);
	assert_non_null(strstr(error.text, "device tree"));
}

/* What the run leaves of a terminal's settings: all as before. Ctrl-A Ctrl-A sends one, Ctrl-A x ends. */
static void terminal(void **state)
{
	static const struct fake_run script[] = {MMIO(uart_write), MMIO(uart_read), MMIO_CHECK(NULL, until_a),
						 BLOCK};
	struct termios before = {0}, after = {0};
	int terminal, child, status;
	char text[16];
	pid_t pid = forkpty(&terminal, NULL, NULL, NULL);

	if (pid < 0)
		skip(); /* no pseudo-terminals here, as in a bare chroot */
	if (!pid) {
		struct vmm_kernel backend = fake_kernel(&kernel);
		struct vmm_config c = config();

		c.input = STDIN_FILENO;
		c.output = STDOUT_FILENO;
		kernel.script[0] = script;
		tcgetattr(STDIN_FILENO, &before);
		status = run(&backend, &c);
		tcgetattr(STDIN_FILENO, &after);
		_exit(memcmp(&before, &after, sizeof(before)) ? 1 : status);
	}
	/* Raw once the guest has printed; a key typed then is not echoed. */
	assert_int_equal(read(terminal, text, 1), 1);
	assert_int_equal(*text, 'A');
	assert_int_equal(write(terminal, "\1\1\1x", 4), 4);
	assert_int_equal(waitpid(pid, &child, 0), pid);
	assert_true(WIFEXITED(child));
	assert_int_equal(WEXITSTATUS(child), 128 + SIGINT);
	close(terminal);
}

static int write_guest(void **state)
{
	int fd = mkstemp(guest_path);

	return fd < 0 || write(fd, guest_words, sizeof(guest_words)) != sizeof(guest_words) || close(fd);
}

static int remove_guest(void **state)
{
	return unlink(guest_path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(device_accesses),
		cmocka_unit_test(status_is_clamped),
		cmocka_unit_test(endings),
		cmocka_unit_test(old_kernel),
		cmocka_unit_test(holes),
		cmocka_unit_test(floods),
		cmocka_unit_test(holes_without_salvage),
		cmocka_unit_test(undescribed),
		cmocka_unit_test(sixty_four_bytes),
		cmocka_unit_test(interrupts),
		cmocka_unit_test(console),
		cmocka_unit_test(several),
		cmocka_unit_test(both_end),
		cmocka_unit_test(ends_twice),
		cmocka_unit_test(signals),
		cmocka_unit_test(timeout),
		cmocka_unit_test(failing_starts),
		cmocka_unit_test(terminal),
		cmocka_unit_test(missing),
		cmocka_unit_test(no_guest),
		cmocka_unit_test(vgic),
		cmocka_unit_test(vgic_refused),
		cmocka_unit_test(vgic_fails),
	};

	return cmocka_run_group_tests(tests, write_guest, remove_guest);
}
