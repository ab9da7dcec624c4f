/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * KVM's requests other than KVM_RUN. The kernel comes first, and what it accepted is then noted; nothing is
 * refused that it would take, but what salvage cannot follow is said.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "shim.h"

struct request {
	int fd;
	unsigned long number;
	void *argument;
	struct shim_object object;
};

static int pass(const struct request *request)
{
	return shim_system.ioctl(request->fd, request->number, request->argument);
}

/* misc device 232 (Documentation/admin-guide/devices.txt): other drivers use KVM's numbers as well. */
static bool is_kvm(int fd)
{
	struct stat status;

	return !shim_system.fstat(fd, &status) && S_ISCHR(status.st_mode) &&
	       status.st_rdev == makedev(10, 232);
}

static void open_errors(struct shim_vm *vm)
{
	struct sv_ras_config config = {.vm = "wrap", .policy = &shim_policy};
	struct sv_ras_opening opening;

	vm->poison = sv_poison_new(SV_RAS_PAGES_DEFAULT);
	config.poison = vm->poison;
	/* The journal is the helper's: this one decides and counts. */
	if (!vm->poison || sv_ras_open(&config, &vm->ras, &opening) != SV_OK)
		shim_notice(vm, "no memory for memory errors: they are left to the VMM");
}

static void describe(struct shim_vm *vm)
{
	struct shim_message message = {
		.kind = SHIM_VM, .vm = vm->number, .vcpu = -1, .number = (int32_t)vm->capabilities};

	shim_channel_put(shim_channel, &message, NULL);
	if (vm->protected)
		shim_notice(
			vm,
			"the VM is protected: its registers and memory are not salvage's to read, and its "
			"aborts stay as they are");
}

static int create_vm(const struct request *request)
{
	int fd = is_kvm(request->fd) ? pass(request) : -1;
	struct shim_vm *vm;

	if (fd < 0)
		return is_kvm(request->fd) ? fd : pass(request);
	vm = shim_vm_new(fd);
	if (!vm) {
		shim_notice(NULL, "a VM that salvage has no room for: it runs as without salvage");
		return fd;
	}
	vm->protected = (uintptr_t)request->argument & SV_KVM_VM_TYPE_ARM_PROTECTED;
	atomic_store(&shim_channel->vm_pid, getpid());
	pthread_mutex_lock(&vm->lock);
	shim_space_publish(vm, NULL);
	pthread_mutex_unlock(&vm->lock);
	/* There is no way back, so not for a VM that nothing can be done for. */
	if (!vm->protected) {
		vm->capabilities = sv_kvm_enable(&shim_backend, fd, SV_KVM_NISV | SV_KVM_SEA);
		open_errors(vm);
	}
	describe(vm);
	return fd;
}

static int create_vcpu(const struct request *request)
{
	int fd = pass(request);

	if (fd >= 0 && !shim_vcpu_new(request->object.vm, fd, (uint32_t)(uintptr_t)request->argument))
		shim_notice(request->object.vm,
			    "a vcpu that salvage has no room for: it runs as without salvage");
	return fd;
}

static int create_device(const struct request *request)
{
	struct shim_vm *vm = request->object.vm;
	struct sv_kvm_create_device *device = request->argument;
	int rc = pass(request);

	if (rc || device->flags & SV_KVM_CREATE_DEVICE_TEST ||
	    (device->type != SV_KVM_DEV_TYPE_ARM_VGIC_V2 && device->type != SV_KVM_DEV_TYPE_ARM_VGIC_V3))
		return rc;
	shim_device_new(vm, (int)device->fd);
	pthread_mutex_lock(&vm->lock);
	vm->gic_fd = (int)device->fd;
	shim_space_publish(vm, NULL);
	pthread_mutex_unlock(&vm->lock);
	return rc;
}

static int enable_cap(const struct request *request)
{
	struct shim_vm *vm = request->object.vm;
	const struct sv_kvm_enable_cap *cap = request->argument;
	int rc = pass(request);

	if (rc || request->object.kind != SHIM_OBJECT_VM)
		return rc;
	switch (cap->cap) {
	case SV_KVM_CAP_ARM_NISV_TO_USER:
		vm->own_nisv = true;
		break;
	case SV_KVM_CAP_ARM_SEA_TO_USER:
		vm->own_sea = true;
		break;
	case SV_KVM_CAP_DIRTY_LOG_RING:
	case SV_KVM_CAP_DIRTY_LOG_RING_ACQ_REL:
		shim_notice(
			vm,
			"the dirty ring: what salvage writes to memory for a guest is shown by KVM_GET_DIRTY_LOG "
			"alone (KVM_CAP_DIRTY_LOG_RING_WITH_BITMAP)");
		break;
	}
	return rc;
}

static void set_slot(struct shim_vm *vm, const struct sv_kvm_userspace_memory_region *region)
{
	pthread_mutex_lock(&vm->lock);
	shim_slot_set(vm, region);
	shim_space_publish(vm, NULL);
	pthread_mutex_unlock(&vm->lock);
}

static int set_memory(const struct request *request)
{
	int rc = pass(request);

	if (!rc)
		set_slot(request->object.vm, request->argument);
	return rc;
}

static int set_memory2(const struct request *request)
{
	const struct sv_kvm_userspace_memory_region2 *region = request->argument;
	struct shim_vm *vm = request->object.vm;
	int rc = pass(request);

	if (rc)
		return rc;
	if (region->flags & SV_KVM_MEM_GUEST_MEMFD && !vm->guest_memfd) {
		vm->guest_memfd = true;
		shim_notice(
			vm,
			"memory of the guest's own (guest_memfd), which salvage cannot read: nothing of this VM is "
			"emulated");
	}
	set_slot(vm, (const struct sv_kvm_userspace_memory_region *)region);
	return rc;
}

static int get_dirty_log(const struct request *request)
{
	const struct sv_kvm_dirty_log *log = request->argument;
	struct shim_vm *vm = request->object.vm;
	struct shim_slot *slot;
	int rc = pass(request);

	if (rc)
		return rc;
	pthread_mutex_lock(&vm->lock);
	slot = shim_slot_find(vm, log->slot);
	if (slot)
		shim_dirty_show(vm, slot, (uint64_t *)(uintptr_t)log->dirty_bitmap);
	pthread_mutex_unlock(&vm->lock);
	return rc;
}

static int ioeventfd(const struct request *request)
{
	struct shim_vm *vm = request->object.vm;
	int rc = pass(request);

	if (rc)
		return rc;
	pthread_mutex_lock(&vm->lock);
	shim_doorbell_set(vm, request->argument);
	shim_space_publish(vm, NULL);
	pthread_mutex_unlock(&vm->lock);
	return rc;
}

static void set_zone(struct shim_vm *vm, const struct sv_kvm_coalesced_mmio_zone *zone, bool there)
{
	size_t i = 0;

	while (i < vm->zone_count &&
	       (vm->zones[i].first != zone->addr || vm->zones[i].last != zone->addr + zone->size - 1))
		i++;
	if (!there && i < vm->zone_count)
		vm->zones[i] = vm->zones[--vm->zone_count];
	if (there && i == vm->zone_count && i < SHIM_ZONES)
		vm->zones[vm->zone_count++] = (struct sv_range){zone->addr, zone->addr + zone->size - 1};
}

static int coalesced_mmio(const struct request *request)
{
	const struct sv_kvm_coalesced_mmio_zone *zone = request->argument;
	struct shim_vm *vm = request->object.vm;
	int rc = pass(request);

	if (rc || zone->pio || !zone->size)
		return rc;
	pthread_mutex_lock(&vm->lock);
	set_zone(vm, zone, request->number == SV_KVM_REGISTER_COALESCED_MMIO);
	shim_space_publish(vm, NULL);
	pthread_mutex_unlock(&vm->lock);
	return rc;
}

/* A vCPU that begins anew has nothing in flight. */
static int vcpu_init(const struct request *request)
{
	const struct sv_kvm_vcpu_init *init = request->argument;
	struct shim_vcpu *vcpu = request->object.vcpu;
	int rc = pass(request);

	if (rc)
		return rc;
	vcpu->features = init->features[0];
	atomic_store(&vcpu->initialised, true);
	atomic_store(&vcpu->reset, true);
	return rc;
}

static int set_one_reg(const struct request *request)
{
	const struct sv_kvm_one_reg *reg = request->argument;
	int rc = pass(request);

	if (!rc && (reg->id & SV_KVM_REG_ARM_COPROC_MASK) == SV_KVM_REG_ARM_CORE)
		atomic_store(&request->object.vcpu->touched, true);
	return rc;
}

/* An abort that the VMM injects is its answer to the access that it was shown. */
static int set_events(const struct request *request)
{
	const struct sv_kvm_vcpu_events *events = request->argument;
	int rc = pass(request);

	if (!rc && events->exception.ext_dabt_pending)
		atomic_store(&request->object.vcpu->dropped, true);
	return rc;
}

static int guest_debug(const struct request *request)
{
	const struct sv_kvm_guest_debug *debug = request->argument;
	const uint32_t steps = SV_KVM_GUESTDBG_ENABLE | SV_KVM_GUESTDBG_SINGLESTEP;
	int rc = pass(request);

	if (!rc)
		request->object.vcpu->host_steps = (debug->control & steps) == steps;
	return rc;
}

static const struct {
	unsigned long number;
	int kind; /* of the object; SHIM_NOTHING: /dev/kvm, which is not followed */
	int (*make)(const struct request *request);
} requests[] = {
	{SV_KVM_CREATE_VM, SHIM_NOTHING, create_vm},
	{SV_KVM_CREATE_VCPU, SHIM_OBJECT_VM, create_vcpu},
	{SV_KVM_CREATE_DEVICE, SHIM_OBJECT_VM, create_device},
	{SV_KVM_ENABLE_CAP, SHIM_OBJECT_VM, enable_cap},
	{SV_KVM_SET_USER_MEMORY_REGION, SHIM_OBJECT_VM, set_memory},
	{SV_KVM_SET_USER_MEMORY_REGION2, SHIM_OBJECT_VM, set_memory2},
	{SV_KVM_GET_DIRTY_LOG, SHIM_OBJECT_VM, get_dirty_log},
	{SV_KVM_IOEVENTFD, SHIM_OBJECT_VM, ioeventfd},
	{SV_KVM_REGISTER_COALESCED_MMIO, SHIM_OBJECT_VM, coalesced_mmio},
	{SV_KVM_UNREGISTER_COALESCED_MMIO, SHIM_OBJECT_VM, coalesced_mmio},
	{SV_KVM_ARM_VCPU_INIT, SHIM_OBJECT_VCPU, vcpu_init},
	{SV_KVM_SET_ONE_REG, SHIM_OBJECT_VCPU, set_one_reg},
	{SV_KVM_SET_VCPU_EVENTS, SHIM_OBJECT_VCPU, set_events},
	{SV_KVM_SET_GUEST_DEBUG, SHIM_OBJECT_VCPU, guest_debug},
};

int shim_request(int fd, unsigned long number, void *argument)
{
	struct request request = {fd, number, argument, {SHIM_NOTHING, NULL, NULL}};

	shim_object(fd, &request.object);
	/* The C library's prototype has an unsigned long, and callers give an int. */
	for (size_t i = 0; i < sizeof(requests) / sizeof(*requests); i++)
		if ((uint32_t)requests[i].number == (uint32_t)number &&
		    requests[i].kind == (int)request.object.kind)
			return requests[i].make(&request);
	return pass(&request);
}
