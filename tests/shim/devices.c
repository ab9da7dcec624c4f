/* SPDX-License-Identifier: BSD-2-Clause */
/* What is a device, and what rings. */
#include <errno.h>
#include <libfdt.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vmm.h"
#include "words.h"

#define CODE_OF(...) ((const uint32_t[]){__VA_ARGS__, 0})

static struct vmm vmm;

/* Where a device tree is found. With VMM_TREE_X0 the guest's first word points x0 to the device. */
static void trees(void **state)
{
	static const struct {
		const char *name;
		unsigned flags;
		bool found;
	} cases[] = {
		{"in x0", VMM_TREE_X0, true},
		{"at the start of memory", 0, true},
		{"behind a boot stub", VMM_TREE_STUB, true},
		{"somewhere", VMM_TREE_FAR, true},
		{"nowhere", VMM_NO_TREE, false},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		/* mov x0, #0x9000000; str w1, [x0], #4 */
		vmm_open(&vmm, CODE_OF(0xd2a12000, STR_W1_POST4), cases[i].flags, NULL, NULL);
		if (cases[i].found) {
			vmm_expect_write(&vmm, DEVICE, 4, 0);
			vmm_expect_off(&vmm);
		} else {
			vmm_expect_abort(&vmm, ABORT(0x10), DEVICE);
			check(cases[i].name, strstr(vmm_told(&vmm, SHIM_NOTICE)->text, "no device tree"));
		}
		check(cases[i].name, !vmm_told(&vmm, SHIM_LOOK) == !cases[i].found);
		vmm_close(&vmm);
	}
}

/* Headers that claim what is not there: nothing is read behind memory, and the guest runs. */
static void hostile_trees(void **state)
{
	static const struct {
		const char *name;
		uint64_t at;
		uint32_t magic, size;
	} cases[] = {
		{"no size", RAM + 0x100000, 0xd00dfeed, 0},
		{"tiny", RAM + 0x100000, 0xd00dfeed, 40},
		{"larger than any", RAM + 0x100000, 0xd00dfeed, SHIM_TREE + 1},
		{"huge", RAM + 0x100000, 0xd00dfeed, UINT32_MAX},
		{"over the end of memory", RAM + RAM_SIZE - 64, 0xd00dfeed, 128},
		{"at the last bytes", RAM + RAM_SIZE - 8, 0xd00dfeed, 64},
		{"at an odd address", RAM + 0x100004, 0xd00dfeed, 4096},
		{"another magic", RAM + 0x100000, 0xd00dfeee, 4096},
		{"outside of memory", HOLE, 0xd00dfeed, 4096},
		{"junk inside", RAM + 0x100000, 0xd00dfeed, 4096},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		vmm_open(&vmm, CODE_OF(0xd2a12000, STR_W1_POST4), VMM_NO_TREE, NULL, NULL);
		if (cases[i].at < RAM + RAM_SIZE && cases[i].at >= RAM) {
			uint32_t header[2] = {__builtin_bswap32(cases[i].magic),
					      __builtin_bswap32(cases[i].size)};

			memcpy(vmm.ram + (cases[i].at - RAM), header, 8);
		}
		vmm_set(&vmm, X(0), cases[i].at);
		vmm_expect_abort(&vmm, ABORT(0x10), DEVICE);
		check(cases[i].name, !vmm_told(&vmm, SHIM_LOOK) || !vmm.channel->tree_usable);
		vmm_close(&vmm);
	}
}

/* A device inside the kernel is reached by the kernel alone. */
static void controllers(void **state)
{
	struct sv_kvm_create_device device = {.type = SV_KVM_DEV_TYPE_ARM_VGIC_V3};
	const struct shim_message *message;

	vmm_open(&vmm, CODE_OF(STR_W1_POST4), 0, NULL, NULL);
	assert_int_equal(vmm_ioctl(&vmm, vmm.vm, SV_KVM_CREATE_DEVICE, &device), 0);
	vmm_set(&vmm, X(0), 0x08000004);
	vmm_expect_abort(&vmm, ABORT(0x10), 0x08000004);
	message = vmm_told(&vmm, SHIM_ABORT);
	assert_int_equal(message->report.report.reason, SV_REASON_KERNEL_DEVICE);
	assert_string_equal(message->report.region.name, "/intc@8000000");
	vmm_close(&vmm);

	/* A VMM that emulates it is asked. */
	vmm_open(&vmm, CODE_OF(STR_W1_POST4), 0, NULL, NULL);
	vmm_set(&vmm, X(0), 0x08000004);
	vmm_expect_write(&vmm, 0x08000004, 4, 0);
	vmm_expect_off(&vmm);
	vmm_close(&vmm);
}

static uint64_t rung(int fd)
{
	uint64_t count;

	return read(fd, &count, sizeof(count)) == sizeof(count) ? count : 0;
}

static void doorbells(void **state)
{
	static const struct {
		const char *name;
		uint32_t word, length, flags;
		uint64_t at, match, value;
		bool rings;
	} cases[] = {
		{"any length", STR_W1_POST4, 0, 0, HOLE, 0, 7, true},
		{"its length", STR_W1_POST4, 4, 0, HOLE, 0, 7, true},
		{"another length", STRH_W1_POST2, 4, 0, HOLE, 0, 7, false},
		{"8 bytes", STR_X1_POST8, 8, 0, HOLE, 0, 7, true},
		{"1 byte", STRB_W1_POST1, 1, 0, HOLE, 0, 7, true},
		{"its value", STR_W1_POST4, 4, SV_KVM_IOEVENTFD_FLAG_DATAMATCH, HOLE, 7, 7, true},
		{"another value", STR_W1_POST4, 4, SV_KVM_IOEVENTFD_FLAG_DATAMATCH, HOLE, 8, 7, false},
		{"half of the value", STRH_W1_POST2, 2, SV_KVM_IOEVENTFD_FLAG_DATAMATCH, HOLE, 0x5678,
		 0x12345678, true},
		{"a read", LDR_X2_POST8, 8, 0, HOLE, 0, 0, false},
		{"inside a device", STR_W1_POST4, 4, 0, DEVICE + 0x50, 0, 1, true},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		int fd = eventfd(0, EFD_NONBLOCK);

		vmm_open(&vmm, CODE_OF(cases[i].word), 0, NULL, NULL);
		check(cases[i].name,
		      !vmm_doorbell(&vmm, cases[i].at, cases[i].length, fd, cases[i].flags, cases[i].match));
		vmm_set(&vmm, X(0), cases[i].at);
		vmm_set(&vmm, X(1), cases[i].value);
		/* What does not ring is an access to a place that the VMM registered. */
		if (!cases[i].rings) {
			check(cases[i].name, !vmm_run(&vmm) && vmm.run->exit_reason == SV_KVM_EXIT_MMIO);
			check(cases[i].name, vmm.run->mmio.phys_addr == cases[i].at);
		}
		vmm_expect_off(&vmm);
		check(cases[i].name, rung(fd) == cases[i].rings);
		vmm_close(&vmm);
		close(fd);
	}
}

/* As close(2) of the VMM goes. */
static void vmm_closes(int fd)
{
	if (!shim_objects_keep(fd))
		close(fd);
}

static bool is_open(int fd)
{
	uint64_t count;

	return read(fd, &count, sizeof(count)) == sizeof(count) || errno != EBADF;
}

static void closed_doorbells(void **state)
{
	int fd = eventfd(0, EFD_NONBLOCK), listener = dup(fd);

	/* The kernel rings it still, and so must we. */
	vmm_open(&vmm, CODE_OF(STR_W1_POST4), 0, NULL, NULL);
	assert_int_equal(vmm_doorbell(&vmm, HOLE, 4, fd, 0, 0), 0);
	assert_int_equal(vmm_doorbell(&vmm, HOLE + 8, 4, fd, 0, 0), 0);
	vmm_closes(fd);
	vmm_set(&vmm, X(0), HOLE);
	vmm_expect_off(&vmm);
	assert_int_equal(rung(listener), 1);
	/* It goes with the last doorbell that has it. */
	assert_int_equal(vmm_doorbell(&vmm, HOLE, 4, fd, SV_KVM_IOEVENTFD_FLAG_DEASSIGN, 0), 0);
	assert_true(is_open(fd));
	assert_int_equal(vmm_doorbell(&vmm, HOLE + 8, 4, fd, SV_KVM_IOEVENTFD_FLAG_DEASSIGN, 0), 0);
	assert_false(is_open(fd));
	vmm_close(&vmm);
	close(listener);

	/* And with the VM. */
	fd = eventfd(0, EFD_NONBLOCK);
	vmm_open(&vmm, CODE_OF(NOP), 0, NULL, NULL);
	assert_int_equal(vmm_doorbell(&vmm, HOLE, 4, fd, 0, 0), 0);
	vmm_closes(fd);
	assert_true(is_open(fd));
	vmm_expect_off(&vmm);
	vmm_close(&vmm);
	assert_false(is_open(fd));
}

/* Another file has the number now: nothing is written to it, the VMM gets the access. */
static void lost_doorbells(void **state)
{
	int fd = eventfd(0, EFD_NONBLOCK);

	vmm_open(&vmm, CODE_OF(STR_W1_POST4), 0, NULL, NULL);
	assert_int_equal(vmm_doorbell(&vmm, HOLE, 4, fd, 0, 0), 0);
	shim_objects_lose(fd);
	vmm_set(&vmm, X(0), HOLE);
	vmm_expect_write(&vmm, HOLE, 4, 0);
	vmm_expect_off(&vmm);
	assert_int_equal(rung(fd), 0);
	vmm_close(&vmm);
	close(fd);
}

/* KVM goes by the file, not by the number: a VMM that has closed its own takes another to deassign it. */
static void renamed_doorbells(void **state)
{
	int fd = eventfd(0, EFD_NONBLOCK), copy = dup(fd);

	vmm_open(&vmm, CODE_OF(STR_W1_POST4), 0, NULL, NULL);
	assert_int_equal(vmm_doorbell(&vmm, HOLE, 4, fd, 0, 0), 0);
	vmm_closes(fd);
	/* softkvm goes by the number, so the kernel's consent is given in its place. */
	shim_doorbell_set(shim_vcpu_of(vmm.vcpu)->vm,
			  &(struct sv_kvm_ioeventfd){.addr = HOLE,
						     .len = 4,
						     .fd = copy,
						     .flags = SV_KVM_IOEVENTFD_FLAG_DEASSIGN});
	assert_int_equal(shim_vcpu_of(vmm.vcpu)->vm->doorbell_count, 0);
	assert_false(is_open(fd));
	vmm_close(&vmm);
	close(copy);
}

/* close_range(2) cannot leave one out: whatever gets the number later is not written to. */
static void closed_ranges(void **state)
{
	int fd = eventfd(0, EFD_NONBLOCK);

	vmm_open(&vmm, CODE_OF(STR_W1_POST4), 0, NULL, NULL);
	assert_int_equal(vmm_doorbell(&vmm, HOLE, 4, fd, 0, 0), 0);
	shim_objects_close_range((unsigned)fd + 1, (unsigned)vmm.kvm);
	vmm_set(&vmm, X(0), HOLE);
	assert_non_null(shim_vcpu_of(vmm.vcpu));
	shim_objects_close_range(3, (unsigned)vmm.kvm);
	vmm_expect_write(&vmm, HOLE, 4, 0);
	vmm_expect_off(&vmm);
	assert_int_equal(rung(fd), 0);
	shim_objects_close_range(3, ~0u);
	assert_null(shim_vcpu_of(vmm.vcpu));
	vmm_close(&vmm);
	close(fd);
}

/* A child of vfork(2) has our memory and descriptors of its own: what it closes is not closed here. */
static void borrowed_memory(void **state)
{
	int fd = eventfd(0, EFD_NONBLOCK), status;
	pid_t child;

	vmm_open(&vmm, CODE_OF(STR_W1_POST4), 0, NULL, NULL);
	assert_int_equal(vmm_doorbell(&vmm, HOLE, 4, fd, 0, 0), 0);
	child = vfork();
	if (!child) {
		bool kept = shim_objects_keep(fd);

		shim_objects_lose(fd);
		shim_object_close(vmm.vcpu);
		shim_object_alias(vmm.vm, vmm.vcpu);
		shim_objects_close_range(3, ~0u);
		_exit(kept);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	vmm_set(&vmm, X(0), HOLE);
	vmm_expect_off(&vmm);
	assert_int_equal(rung(fd), 1);
	vmm_close(&vmm);
	close(fd);
}

static void deassigned_doorbells(void **state)
{
	int fd = eventfd(0, EFD_NONBLOCK);

	vmm_open(&vmm, CODE_OF(STR_W1_POST4), 0, NULL, NULL);
	assert_int_equal(vmm_doorbell(&vmm, HOLE, 4, fd, 0, 0), 0);
	assert_int_equal(vmm_doorbell(&vmm, HOLE, 4, fd, SV_KVM_IOEVENTFD_FLAG_DEASSIGN, 0), 0);
	vmm_set(&vmm, X(0), HOLE);
	vmm_expect_abort(&vmm, ABORT(0x10), HOLE);
	/* What the kernel refuses is not noted. */
	assert_true(vmm_doorbell(&vmm, HOLE, 3, fd, 0, 0) < 0);
	assert_int_equal(shim_vcpu_of(vmm.vcpu)->vm->doorbell_count, 0);
	vmm_close(&vmm);
	close(fd);
}

static void rules(void **state)
{
	static const struct {
		const char *rule;
		bool device;
	} cases[] = {
		{"nisv@0x0b000000-0x0b000fff=emulate", true},
		{"emulate@0x0b000000-0x0b000003", true},
		{"hole@0x0b000000-0x0b000003=emulate", true},
		{"nisv@0x0b001000-0x0b001fff=emulate", false},
		{"nisv=emulate", false},
		{"sea=inject", false},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		vmm_open(&vmm, CODE_OF(STR_W1_POST4), 0, (const char *[]){cases[i].rule, NULL}, NULL);
		vmm_set(&vmm, X(0), HOLE);
		if (cases[i].device) {
			vmm_expect_write(&vmm, HOLE, 4, 0);
			vmm_expect_off(&vmm);
		} else {
			vmm_expect_abort(&vmm, ABORT(0x10), HOLE);
		}
		vmm_close(&vmm);
	}
}

/* More of everything than there is room for. */
static void many(void **state)
{
	int fd = eventfd(0, EFD_NONBLOCK);

	vmm_open(&vmm, CODE_OF(STR_W1_POST4), 0, NULL, NULL);
	for (uint64_t i = 0; i < SHIM_DOORBELLS + 4; i++)
		vmm_doorbell(&vmm, HOLE + 16 * i, 4, fd, 0, 0);
	vmm_told(&vmm, SHIM_NOTICE);
	vmm_expect_write(&vmm, DEVICE, 4, 0);
	vmm_expect_off(&vmm);
	assert_true(shim_vcpu_of(vmm.vcpu)->vm->doorbell_count <= SHIM_DOORBELLS);
	vmm_close(&vmm);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(trees),
		cmocka_unit_test(hostile_trees),
		cmocka_unit_test(controllers),
		cmocka_unit_test(doorbells),
		cmocka_unit_test(closed_doorbells),
		cmocka_unit_test(lost_doorbells),
		cmocka_unit_test(renamed_doorbells),
		cmocka_unit_test(closed_ranges),
		cmocka_unit_test(borrowed_memory),
		cmocka_unit_test(deassigned_doorbells),
		cmocka_unit_test(rules),
		cmocka_unit_test(many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
