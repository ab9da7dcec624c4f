/* SPDX-License-Identifier: BSD-2-Clause */
/* Instructions as the VMM sees them: exits, data, registers, and what other requests do in between. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vmm.h"
#include "words.h"

#define CODE_OF(...) ((const uint32_t[]){__VA_ARGS__, 0})

static struct vmm vmm;

static const struct shim_report *last_abort(enum sv_ending ending)
{
	const struct shim_message *message = vmm_told(&vmm, SHIM_ABORT);

	assert_non_null(message);
	assert_string_equal(sv_ending_name(message->report.report.ending), sv_ending_name(ending));
	return &message->report;
}

static void a_store(void **state)
{
	vmm_open(&vmm, CODE_OF(STR_W1_POST4), 0, NULL, NULL);
	vmm_set(&vmm, X(1), 0xffffffff12345678);
	vmm_expect_write(&vmm, DEVICE, 4, 0x12345678);
	assert_int_equal(vmm_get(&vmm, PC), CODE);
	assert_int_equal(vmm_get(&vmm, X(0)), DEVICE);
	vmm_expect_off(&vmm);
	assert_int_equal(vmm_get(&vmm, PC), CODE + 16);
	assert_string_equal(last_abort(SV_ENDING_COMPLETED)->region.name, "/uart@9000000");
	assert_int_equal(last_abort(SV_ENDING_COMPLETED)->report.accesses, 1);
	vmm_close(&vmm);
}

static void a_pair(void **state)
{
	vmm_open(&vmm, CODE_OF(LDP_X2_X3_POST), 0, NULL, NULL);
	vmm_expect_read(&vmm, DEVICE, 8, 0x1111222233334444);
	vmm_expect_read(&vmm, DEVICE + 8, 8, 0x5555666677778888);
	/* All or nothing, until the last one is here. */
	assert_int_equal(vmm_get(&vmm, X(2)), 0);
	vmm_expect_off(&vmm);
	assert_int_equal(vmm_get(&vmm, X(2)), 0x1111222233334444);
	assert_int_equal(vmm_get(&vmm, X(3)), 0x5555666677778888);
	vmm_close(&vmm);
}

static void vectors(void **state)
{
	vmm_open(&vmm, CODE_OF(LD1_V0, STR_Q0_POST16), 0, NULL, NULL);
	vmm_set(&vmm, CPACR, UINT64_C(3) << 20);
	for (unsigned i = 0; i < 16; i++)
		vmm_expect_read(&vmm, DEVICE + i, 1, 0xa0 + i);
	vmm_expect_write(&vmm, DEVICE, 8, 0xa7a6a5a4a3a2a1a0);
	vmm_expect_write(&vmm, DEVICE + 8, 8, 0xafaeadacabaaa9a8);
	vmm_expect_off(&vmm);
	vmm_close(&vmm);
}

/* What is ISV=1 is KVM's, and the VMM's, and nobody is told. */
static void not_ours(void **state)
{
	vmm_open(&vmm, CODE_OF(LDR_W2), 0, NULL, NULL);
	vmm_expect_read(&vmm, DEVICE, 4, 0x12345678);
	vmm_expect_off(&vmm);
	assert_int_equal(vmm_get(&vmm, X(2)), 0x12345678);
	assert_null(vmm_told(&vmm, SHIM_ABORT));
	vmm_close(&vmm);
}

static void holes(void **state)
{
	vmm_open(&vmm, CODE_OF(STR_W1_POST4), 0, NULL, NULL);
	vmm_set(&vmm, X(0), HOLE);
	vmm_expect_abort(&vmm, ABORT(0x10), HOLE);
	assert_int_equal(vmm_get(&vmm, ELR), CODE);
	assert_false(last_abort(SV_ENDING_INJECTED)->has_region);
	assert_string_equal(last_abort(SV_ENDING_INJECTED)->near.name, "/uart@9000000");
	assert_string_equal(last_abort(SV_ENDING_INJECTED)->rule.text, "default hole=inject");
	vmm_close(&vmm);
}

static void atomics(void **state)
{
	vmm_open(&vmm, CODE_OF(LDADD_W1_W2), 0, NULL, NULL);
	vmm_expect_abort(&vmm, ABORT(0x35), DEVICE);
	vmm_close(&vmm);
}

/* Between the elements a signal or immediate_exit waits; after the commit it counts. */
static void immediate_exit(void **state)
{
	vmm_open(&vmm, CODE_OF(LDP_X2_X3_POST), 0, NULL, NULL);
	vmm_expect_read(&vmm, DEVICE, 8, 1);
	vmm.run->immediate_exit = 1;
	vmm_expect_read(&vmm, DEVICE + 8, 8, 2);
	assert_int_equal(vmm_run(&vmm), -EINTR);
	assert_int_equal(vmm_get(&vmm, X(2)), 1);
	assert_int_equal(vmm_get(&vmm, X(3)), 2);
	assert_int_equal(vmm_get(&vmm, PC), CODE + 4);
	assert_int_equal(vmm_run(&vmm), -EINTR);
	vmm.run->immediate_exit = 0;
	vmm_expect_off(&vmm);
	vmm_close(&vmm);
}

static void set_through(uint64_t id, uint64_t value)
{
	struct sv_kvm_one_reg reg = {id, (uintptr_t)&value};

	assert_int_equal(vmm_ioctl(&vmm, vmm.vcpu, SV_KVM_SET_ONE_REG, &reg), 0);
}

static void registers_meanwhile(void **state)
{
	/* What a VMM read and writes back. */
	vmm_open(&vmm, CODE_OF(LDP_X2_X3_POST), 0, NULL, NULL);
	vmm_expect_read(&vmm, DEVICE, 8, 1);
	set_through(PC, CODE);
	set_through(X(2), 99);
	vmm_expect_read(&vmm, DEVICE + 8, 8, 2);
	vmm_expect_off(&vmm);
	assert_int_equal(vmm_get(&vmm, X(2)), 1);
	vmm_close(&vmm);

	/* Another state altogether. */
	vmm_open(&vmm, CODE_OF(LDP_X2_X3_POST, NOP), 0, NULL, NULL);
	vmm_expect_read(&vmm, DEVICE, 8, 1);
	set_through(X(2), 99);
	set_through(PC, CODE + 4);
	vmm_expect_off(&vmm);
	assert_int_equal(vmm_get(&vmm, X(2)), 99);
	assert_int_equal(last_abort(SV_ENDING_RETRIED)->report.reason, SV_REASON_DROPPED);
	vmm_close(&vmm);
}

static void reset_meanwhile(void **state)
{
	vmm_open(&vmm, CODE_OF(LDP_X2_X3_POST), 0, NULL, NULL);
	vmm_expect_read(&vmm, DEVICE, 8, 1);
	vmm_init_vcpu(&vmm, vmm.vcpu);
	vmm_set(&vmm, PC, CODE);
	vmm_set(&vmm, X(0), DEVICE + 0x100);
	/* It begins anew, and nothing of before is written. */
	vmm_expect_read(&vmm, DEVICE + 0x100, 8, 3);
	vmm_expect_read(&vmm, DEVICE + 0x108, 8, 4);
	vmm_expect_off(&vmm);
	assert_int_equal(vmm_get(&vmm, X(2)), 3);
	vmm_close(&vmm);
}

/* The VMM refuses the access as it would refuse KVM's own. */
static void abort_meanwhile(void **state)
{
	struct sv_kvm_vcpu_events events = {.exception.ext_dabt_pending = 1};

	for (int kernel = SV_SOFT_LINUX_7_1; kernel <= SV_SOFT_LINUX_5_10; kernel++) {
		vmm_open(&vmm, CODE_OF(LDP_X2_X3_POST), 0, NULL, &(struct sv_soft_config){.kernel = kernel});
		vmm_set(&vmm, X(2), 7);
		vmm_expect_read(&vmm, DEVICE, 8, 1);
		assert_int_equal(vmm_ioctl(&vmm, vmm.vcpu, SV_KVM_SET_VCPU_EVENTS, &events), 0);
		vmm_expect_abort(&vmm, ABORT(0x10), DEVICE);
		assert_int_equal(vmm_get(&vmm, X(2)), 7);
		assert_int_equal(vmm_get(&vmm, ELR), CODE);
		vmm_close(&vmm);
	}
}

/* A store that begins in memory and ends in the device; the memory goes while the device is asked. */
static void memory_meanwhile(void **state)
{
	static const struct {
		const char *name;
		bool gone, back;
	} cases[] = {{"stays", false, false}, {"goes", true, false}, {"goes and comes back", true, true}};

	for (size_t i = 0; i < COUNT(cases); i++) {
		uint8_t *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		/* ldp x2, x3: the first from the device, the second from memory behind it. */
		vmm_open(&vmm, CODE_OF(LDP_X2_X3_POST), 0, NULL, NULL);
		assert_int_equal(vmm_slot(&vmm, 1, 0, DEVICE + 0x1000, 4096, page), 0);
		page[0] = 0x5a;
		vmm_set(&vmm, X(0), DEVICE + 0xff8);
		vmm_expect_read(&vmm, DEVICE + 0xff8, 8, 1);
		if (cases[i].gone) {
			assert_int_equal(vmm_slot(&vmm, 1, 0, DEVICE + 0x1000, 0, NULL), 0);
			if (!cases[i].back)
				munmap(page, 4096);
		}
		if (cases[i].back)
			assert_int_equal(vmm_slot(&vmm, 1, 0, DEVICE + 0x1000, 4096, page), 0);
		vmm_expect_off(&vmm);
		check(cases[i].name, (vmm_get(&vmm, X(3)) == 0x5a) == (!cases[i].gone || cases[i].back));
		check(cases[i].name, ((vmm_get(&vmm, PC) & ~UINT64_C(0x7ff)) == VECTORS) ==
					     (cases[i].gone && !cases[i].back));
		vmm_close(&vmm);
		if (!cases[i].gone || cases[i].back)
			munmap(page, 4096);
	}
}

/* What KVM_GET_DIRTY_LOG cannot know: the half in memory that salvage wrote. */
static void dirty_log(void **state)
{
	uint64_t bitmap[RAM_SIZE / 4096 / 64];
	struct sv_kvm_dirty_log log = {.slot = 0, .dirty_bitmap = (uintptr_t)bitmap};

	/* The first half is where a rule says that a device is. */
	vmm_open(&vmm, CODE_OF(STP_W1_W2), VMM_TREE_FAR,
		 (const char *[]){"nisv@0x3ffff000-0x3fffffff=emulate", NULL}, NULL);
	assert_int_equal(vmm_slot(&vmm, 0, SV_KVM_MEM_LOG_DIRTY_PAGES, RAM, RAM_SIZE, vmm.ram), 0);
	vmm_set(&vmm, X(0), RAM - 4);
	vmm_set(&vmm, X(2), 0x600df00d);
	vmm_expect_write(&vmm, RAM - 4, 4, 0);
	vmm_expect_off(&vmm);
	assert_int_equal(*(uint32_t *)vmm.ram, 0x600df00d);
	memset(bitmap, 0, sizeof(bitmap));
	assert_int_equal(vmm_ioctl(&vmm, vmm.vm, SV_KVM_GET_DIRTY_LOG, &log), 0);
	assert_int_equal(bitmap[0] & 1, 1);
	/* Shown once. */
	memset(bitmap, 0, sizeof(bitmap));
	assert_int_equal(vmm_ioctl(&vmm, vmm.vm, SV_KVM_GET_DIRTY_LOG, &log), 0);
	assert_int_equal(bitmap[0] & 1, 0);
	vmm_close(&vmm);
}

static void single_steps(void **state)
{
	struct sv_kvm_guest_debug debug = {.control = SV_KVM_GUESTDBG_ENABLE | SV_KVM_GUESTDBG_SINGLESTEP};

	vmm_open(&vmm, CODE_OF(LDP_X2_X3_POST, NOP), 0, NULL, NULL);
	assert_int_equal(vmm_ioctl(&vmm, vmm.vcpu, SV_KVM_SET_GUEST_DEBUG, &debug), 0);
	vmm_expect_read(&vmm, DEVICE, 8, 1);
	vmm_expect_read(&vmm, DEVICE + 8, 8, 2);
	for (unsigned i = 1; i <= 2; i++) {
		assert_int_equal(vmm_run(&vmm), 0);
		assert_int_equal(vmm.run->exit_reason, SV_KVM_EXIT_DEBUG);
		assert_int_equal(vmm.run->debug.hsr >> 26, 0x32);
		assert_int_equal(vmm_get(&vmm, PC), CODE + 4 * i);
	}
	debug.control = 0;
	assert_int_equal(vmm_ioctl(&vmm, vmm.vcpu, SV_KVM_SET_GUEST_DEBUG, &debug), 0);
	vmm_expect_off(&vmm);
	vmm_close(&vmm);
}

static void policies(void **state)
{
	static const struct {
		const char *rule;
		bool own; /* the VMM asked for KVM_EXIT_ARM_NISV itself */
		int rc;
		uint32_t exit, event;
		enum sv_ending ending;
	} cases[] = {
		{"observe", false, -ENOSYS, SV_KVM_EXIT_UNKNOWN, 0, SV_ENDING_OBSERVED},
		{"nisv=observe", true, 0, SV_KVM_EXIT_ARM_NISV, 0, SV_ENDING_OBSERVED},
		{"nisv=stop", false, 0, SV_KVM_EXIT_SYSTEM_EVENT, SV_KVM_SYSTEM_EVENT_CRASH,
		 SV_ENDING_STOPPED},
		{"class:writeback=dump", true, 0, SV_KVM_EXIT_SYSTEM_EVENT, SV_KVM_SYSTEM_EVENT_CRASH,
		 SV_ENDING_STOPPED},
		{"nisv@0x09000000-0x09000003=restart", false, 0, SV_KVM_EXIT_SYSTEM_EVENT,
		 SV_KVM_SYSTEM_EVENT_RESET, SV_ENDING_STOPPED},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		vmm_open(&vmm, CODE_OF(STR_W1_POST4), 0, (const char *[]){cases[i].rule, NULL}, NULL);
		if (cases[i].own)
			assert_int_equal(vmm_enable(&vmm, SV_KVM_CAP_ARM_NISV_TO_USER), 0);
		check(cases[i].rule, vmm_run(&vmm) == cases[i].rc);
		check(cases[i].rule, vmm.run->exit_reason == cases[i].exit);
		check(cases[i].rule, !cases[i].event || vmm.run->system_event.type == cases[i].event);
		check(cases[i].rule,
		      cases[i].exit != SV_KVM_EXIT_ARM_NISV || vmm.run->arm_nisv.fault_ipa == DEVICE);
		/* Nothing has changed. */
		check(cases[i].rule, vmm_get(&vmm, PC) == CODE && vmm_get(&vmm, X(0)) == DEVICE);
		last_abort(cases[i].ending);
		vmm_close(&vmm);
	}
}

/* A VMM that asked for KVM_EXIT_ARM_NISV itself is shown MMIO all the same. */
static void own_nisv(void **state)
{
	vmm_open(&vmm, CODE_OF(STR_W1_POST4), 0, NULL, NULL);
	assert_int_equal(vmm_enable(&vmm, SV_KVM_CAP_ARM_NISV_TO_USER), 0);
	vmm_expect_write(&vmm, DEVICE, 4, 0);
	vmm_expect_off(&vmm);
	vmm_close(&vmm);
}

static void old_kernel(void **state)
{
	static const uint32_t without[] = {SV_KVM_CAP_ARM_NISV_TO_USER};

	vmm_open(&vmm, CODE_OF(STR_W1_POST4), 0, NULL,
		 &(struct sv_soft_config){.without = without, .without_count = 1});
	assert_false(vmm_told(&vmm, SHIM_VM)->number & SV_KVM_NISV);
	assert_int_equal(vmm_run(&vmm), -ENOSYS);
	vmm_close(&vmm);
}

static void guest_memfd(void **state)
{
	struct sv_kvm_userspace_memory_region2 region = {.slot = 5,
							 .flags = SV_KVM_MEM_GUEST_MEMFD,
							 .guest_phys_addr = 0x80000000,
							 .memory_size = 4096};
	struct sv_kvm_userspace_memory_region2 plain = {.slot = 6,
							.guest_phys_addr = 0x90000000,
							.memory_size = 4096};
	const struct shim_message *notice;

	vmm_open(&vmm, CODE_OF(STR_W1_POST4), 0, NULL, NULL);
	plain.userspace_addr = (uintptr_t)vmm.ram;
	assert_int_equal(vmm_ioctl(&vmm, vmm.vm, SV_KVM_SET_USER_MEMORY_REGION2, &plain), 0);
	assert_null(vmm_told(&vmm, SHIM_NOTICE));
	/* softkvm has none, so the kernel's consent is given in its place. */
	if (vmm_ioctl(&vmm, vmm.vm, SV_KVM_SET_USER_MEMORY_REGION2, &region))
		shim_vcpu_of(vmm.vcpu)->vm->guest_memfd = true;
	vmm_expect_abort(&vmm, ABORT(0x10), DEVICE);
	assert_int_equal(last_abort(SV_ENDING_INJECTED)->report.reason, SV_REASON_PROTECTED);
	notice = vmm_told(&vmm, SHIM_NOTICE);
	assert_true(!notice || strstr(notice->text, "guest_memfd"));
	vmm_close(&vmm);
}

/* Requests by a duplicate, when the first descriptor is closed. */
static void duplicates(void **state)
{
	int copy;

	vmm_open(&vmm, CODE_OF(LDP_X2_X3_POST), 0, NULL, NULL);
	copy = vmm_dup(&vmm, vmm.vcpu);
	vmm_expect_read(&vmm, DEVICE, 8, 1);
	shim_object_close(vmm.vcpu);
	vmm.vcpu = copy;
	vmm_expect_read(&vmm, DEVICE + 8, 8, 2);
	vmm_expect_off(&vmm);
	assert_int_equal(vmm_get(&vmm, X(3)), 2);
	vmm_close(&vmm);
}

static int (*kernel)(int fd, unsigned long request, ...);

/* Another thread of the VMM closes all that it has while this one is in KVM_RUN. */
static int closed_meanwhile(int fd, unsigned long request, ...)
{
	va_list arguments;
	void *argument;

	va_start(arguments, request);
	argument = va_arg(arguments, void *);
	va_end(arguments);
	if (request != SV_KVM_RUN)
		return kernel(fd, request, argument);
	shim_object_close(vmm.vcpu);
	shim_object_close(vmm.vm);
	errno = EINTR;
	return -1;
}

/* The kernel keeps what a KVM_RUN is in, and so must the shim: seen by AddressSanitizer. */
static void closed_in_a_run(void **state)
{
	struct shim_vcpu *vcpu;
	int ends[2]; /* in place of an eventfd: of a pipe the end can be seen */
	char byte;

	vmm_open(&vmm, CODE_OF(STR_W1_POST4), 0, NULL, NULL);
	vcpu = shim_vcpu_of(vmm.vcpu);
	assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
	assert_int_equal(vmm_doorbell(&vmm, HOLE, 4, ends[1], 0, 0), 0);
	assert_true(shim_objects_keep(ends[1]));
	/* What the first look needs of the kernel it has. */
	vmm_expect_write(&vmm, DEVICE, 4, 0);
	kernel = shim_system.ioctl;
	shim_system.ioctl = closed_meanwhile;
	assert_int_equal(shim_run(vcpu, vmm.vcpu, NULL), -1);
	assert_int_equal(errno, EINTR);
	shim_system.ioctl = kernel;
	assert_null(shim_vcpu_of(vmm.vcpu));
	vmm_close(&vmm);
	assert_int_equal(read(ends[0], &byte, 1), -1);
	/* It is gone when the next one comes, and with it what it kept. */
	vmm_open(&vmm, CODE_OF(STR_W1_POST4), 0, NULL, NULL);
	assert_int_equal(read(ends[0], &byte, 1), 0);
	close(ends[0]);
	vmm_expect_write(&vmm, DEVICE, 4, 0);
	vmm_close(&vmm);
}

/* After fork(2) nothing of the parent's is known, and everything passes through. */
static void forgotten(void **state)
{
	int status;
	pid_t child;

	vmm_open(&vmm, CODE_OF(STR_W1_POST4), 0, NULL, NULL);
	child = fork();
	if (!child) {
		shim_objects_forget();
		shim_tree_forget();
		_exit(shim_vcpu_of(vmm.vcpu) || vmm_run(&vmm) ||
		      vmm.run->exit_reason != SV_KVM_EXIT_ARM_NISV);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	/* The parent's is what it was. */
	vmm_expect_write(&vmm, DEVICE, 4, 0);
	vmm_expect_off(&vmm);
	vmm_close(&vmm);
}

/* KVM's numbers on another device are not KVM's. */
static void not_kvm(void **state)
{
	int other;

	vmm_open(&vmm, CODE_OF(NOP), 0, NULL, NULL);
	other = vmm_dup(&vmm, vmm.kvm);
	vmm_told(&vmm, SHIM_VM);
	unsigned before = vmm.message_count;

	assert_true(vmm_ioctl(&vmm, other, SV_KVM_CREATE_VM, NULL) >= 0);
	vmm_told(&vmm, SHIM_VM);
	assert_int_equal(vmm.message_count, before);
	vmm_close(&vmm);
}

/* Each vCPU has an instruction of its own in flight. */
static void two_vcpus(void **state)
{
	struct vmm second;

	vmm_open(&vmm, CODE_OF(LDP_X2_X3_POST), 0, NULL, NULL);
	second = (struct vmm){.soft = vmm.soft, .vm = vmm.vm};
	second.vcpu = vmm_add_vcpu(&vmm, 1);
	second.run = shim_vcpu_of(second.vcpu)->run;
	vmm_set(&second, PC, CODE);
	vmm_set(&second, VBAR, VECTORS);
	vmm_set(&second, X(0), DEVICE + 0x100);
	vmm_expect_read(&vmm, DEVICE, 8, 1);
	vmm_expect_read(&second, DEVICE + 0x100, 8, 3);
	vmm_expect_read(&vmm, DEVICE + 8, 8, 2);
	vmm_expect_read(&second, DEVICE + 0x108, 8, 4);
	/* Commits, and then has nothing to run: the power-off of one is that of all. */
	vmm.run->immediate_exit = 1;
	assert_int_equal(vmm_run(&vmm), -EINTR);
	vmm_expect_off(&second);
	assert_int_equal(vmm_get(&vmm, X(2)), 1);
	assert_int_equal(vmm_get(&vmm, X(3)), 2);
	assert_int_equal(vmm_get(&second, X(2)), 3);
	assert_int_equal(vmm_get(&second, X(3)), 4);
	vmm_close(&vmm);
}

static void two_vms(void **state)
{
	static struct vmm other;
	int vm, vcpu;

	vmm_open(&vmm, CODE_OF(STR_W1_POST4), 0, NULL, NULL);
	other = (struct vmm){.soft = vmm.soft};
	vm = vmm_ioctl(&vmm, vmm.kvm, SV_KVM_CREATE_VM, NULL);
	assert_true(vm >= 0);
	other.vm = vm;
	vcpu = vmm_add_vcpu(&other, 0);
	/* The second has no memory: it has its own, and nothing of it is the first's. */
	assert_int_not_equal(shim_vcpu_of(vcpu)->vm->number, shim_vcpu_of(vmm.vcpu)->vm->number);
	assert_int_equal(shim_vcpu_of(vcpu)->vm->slot_count, 0);
	vmm_expect_write(&vmm, DEVICE, 4, 0);
	vmm_expect_off(&vmm);
	vmm_close(&vmm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_store),
		cmocka_unit_test(a_pair),
		cmocka_unit_test(vectors),
		cmocka_unit_test(not_ours),
		cmocka_unit_test(holes),
		cmocka_unit_test(atomics),
		cmocka_unit_test(immediate_exit),
		cmocka_unit_test(registers_meanwhile),
		cmocka_unit_test(reset_meanwhile),
		cmocka_unit_test(abort_meanwhile),
		cmocka_unit_test(memory_meanwhile),
		cmocka_unit_test(dirty_log),
		cmocka_unit_test(single_steps),
		cmocka_unit_test(policies),
		cmocka_unit_test(own_nisv),
		cmocka_unit_test(old_kernel),
		cmocka_unit_test(guest_memfd),
		cmocka_unit_test(duplicates),
		cmocka_unit_test(closed_in_a_run),
		cmocka_unit_test(forgotten),
		cmocka_unit_test(not_kvm),
		cmocka_unit_test(two_vcpus),
		cmocka_unit_test(two_vms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
