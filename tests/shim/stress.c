/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A VM that is changed all the time while two vCPUs access its devices: for ThreadSanitizer, and for what only a
 * race shows. Bounded by a number of accesses, not by time.
 */
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vmm.h"
#include "words.h"

#define ACCESSES 8000
#define ZONE     UINT64_C(0x0c000000)
#define MEMORY   UINT64_C(0x80000000)
#define BEFORE   (RAM - 4) /* a device by rule, right below memory */

#define SUB_X0_4 0xd1001000 /* sub x0, x0, #4 */
#define BACK_2   0x17fffffe /* b .-8 */
#define BACK_1   0x17ffffff /* b .-4 */

static struct vmm vmm;

struct vcpu {
	int fd;
	uint64_t ipa;
	pthread_t thread;
	const char *failure;
};

static atomic_uint running;

/* Accesses the VMM is shown are where they should be; those that ring are not shown. */
static void *run(void *opaque)
{
	struct vcpu *vcpu = opaque;
	const struct sv_kvm_run *page = atomic_load(&shim_vcpu_of(vcpu->fd)->run);

	for (unsigned i = 0; i < ACCESSES && !vcpu->failure; i++) {
		if (vmm_ioctl(&vmm, vcpu->fd, SV_KVM_RUN, NULL))
			vcpu->failure = "KVM_RUN failed";
		else if (page->exit_reason != SV_KVM_EXIT_MMIO)
			vcpu->failure = "another exit";
		else if (page->mmio.phys_addr != vcpu->ipa || !page->mmio.is_write || page->mmio.len != 4)
			vcpu->failure = "another access";
	}
	atomic_fetch_sub(&running, 1);
	return NULL;
}

static void zone(unsigned long request, uint64_t at)
{
	struct sv_kvm_coalesced_mmio_zone zone = {.addr = at, .size = 64};

	vmm_ioctl(&vmm, vmm.vm, request, &zone);
}

/* One of each that a request can change; the two accesses stay devices throughout. */
static void change(unsigned round, void *page)
{
	uint64_t bitmap[RAM_SIZE / 4096 / 64] = {0};
	struct sv_kvm_dirty_log log = {.slot = 0, .dirty_bitmap = (uintptr_t)bitmap};
	int fd = eventfd(0, EFD_NONBLOCK);

	assert_int_equal(
		vmm_slot(&vmm, 0, round % 2 ? 0 : SV_KVM_MEM_LOG_DIRTY_PAGES, RAM, RAM_SIZE, vmm.ram), 0);
	vmm_ioctl(&vmm, vmm.vm, SV_KVM_GET_DIRTY_LOG, &log);
	assert_int_equal(vmm_slot(&vmm, 1, 0, MEMORY, 4096, page), 0);
	assert_int_equal(vmm_slot(&vmm, 1, 0, MEMORY, 0, NULL), 0);
	zone(SV_KVM_REGISTER_COALESCED_MMIO, ZONE + 64 * (round % 8));
	zone(SV_KVM_UNREGISTER_COALESCED_MMIO, ZONE + 64 * ((round + 3) % 8));
	/* Now and then an access rings instead, and its VMM is none the wiser. */
	assert_int_equal(vmm_doorbell(&vmm, DEVICE, 4, fd, SV_KVM_IOEVENTFD_FLAG_DATAMATCH, round % 4), 0);
	assert_int_equal(vmm_doorbell(&vmm, DEVICE, 4, fd,
				      SV_KVM_IOEVENTFD_FLAG_DATAMATCH | SV_KVM_IOEVENTFD_FLAG_DEASSIGN,
				      round % 4),
			 0);
	if (!shim_objects_keep(fd))
		close(fd);
}

static void set_up(int fd, uint64_t pc, uint64_t x0)
{
	const struct {
		uint64_t id, value;
	} registers[] = {{PC, pc}, {VBAR, VECTORS}, {X(0), x0}};

	for (size_t i = 0; i < COUNT(registers); i++) {
		uint64_t value = registers[i].value;
		struct sv_kvm_one_reg reg = {registers[i].id, (uintptr_t)&value};

		assert_int_equal(vmm_ioctl(&vmm, fd, SV_KVM_SET_ONE_REG, &reg), 0);
	}
}

static void changes(void **state)
{
	static const char *const rules[] = {"nisv@0x3ffff000-0x3fffffff=emulate", NULL};
	/* One stores to the device; the other a pair, half of which is in memory that is logged. */
	static const uint32_t code[] = {STR_W1_POST4, SUB_X0_4, BACK_2, STP_W1_W2, BACK_1, 0};
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct vcpu vcpus[2] = {{.ipa = DEVICE}, {.ipa = BEFORE}};
	unsigned rounds = 0;

	vmm_open(&vmm, code, VMM_TREE_FAR, rules, NULL);
	vcpus[0].fd = vmm.vcpu;
	vcpus[1].fd = vmm_add_vcpu(&vmm, 1);
	set_up(vcpus[0].fd, CODE, DEVICE);
	set_up(vcpus[1].fd, CODE + 12, BEFORE);
	atomic_store(&running, 2);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&vcpus[i].thread, NULL, run, &vcpus[i]), 0);
	while (atomic_load(&running))
		change(rounds++, page);
	for (unsigned i = 0; i < 2; i++) {
		pthread_join(vcpus[i].thread, NULL);
		if (vcpus[i].failure)
			fail_msg("vcpu %u: %s", i, vcpus[i].failure);
	}
	assert_true(rounds > 1);
	vmm_close(&vmm);
	munmap(page, 4096);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(changes)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
