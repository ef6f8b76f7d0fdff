//! The contract, verified for Docker, Podman and the in-memory engine.

use devarch_core::engine::EngineKind;
use devarch_testkit::{contract, fixture::Fixture, memory::MemoryEngine, real, scope::Scope};
use std::sync::Arc;

async fn docker() -> Option<Fixture> {
    real::engine(EngineKind::Docker).await
}

async fn podman() -> Option<Fixture> {
    real::engine(EngineKind::Podman).await
}

async fn memory() -> Option<Fixture> {
    Some(Fixture::new(Arc::new(MemoryEngine::new()), Scope::new(None)))
}

macro_rules! contract_tests {
    ($tests:ident by $engine:ident: $($module:ident: $($promise:ident)+;)+) => {
        mod $tests {
            $($(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $promise() {
                if let Some(fixture) = super::$engine().await {
                    super::contract::$module::$promise(&fixture).await;
                }
            })+)+
        }
    };
}

macro_rules! every_engine {
    ($tests:ident, $engine:ident) => {
        contract_tests! { $tests by $engine:
            objects:
                a_list_contains_everything_a_container_was_created_from
                the_variables_of_a_container_are_read_back
                a_taken_container_name_is_reported_as_such
                a_renamed_container_keeps_its_id_and_frees_its_name
                a_missing_image_is_reported_as_such
                an_image_that_cannot_be_pulled_is_reported_as_such
                a_missing_container_is_none_and_removing_it_is_fine
                a_volume_outlives_its_container_and_is_not_removed_under_it;
            networks:
                a_second_network_of_that_name_is_refused
                an_overlapping_network_is_reported_as_such
                a_network_in_use_is_not_removed
                a_replacement_can_be_created_with_the_same_address_while_the_old_one_runs
                a_taken_address_is_reported_as_such
                a_disconnected_container_is_reconnected_with_its_address
                detaching_an_unattached_container_succeeds
                a_taken_port_is_reported_as_such
                a_stopped_container_publishes_nothing;
            life:
                starting_and_stopping_twice_succeeds
                the_exit_code_is_kept
                a_clean_exit_has_exit_code_0
                a_command_that_cannot_run_is_reported_as_such
                a_running_container_is_not_removed
                a_probe_reports_the_result_of_the_check
                logs_contain_all_output;
            volumes:
                a_volume_is_not_emptied_needlessly;
            build:
                a_built_image_is_found_under_its_tag
                an_image_without_a_dockerfile_is_built_under_all_its_names
                a_failed_build_reports_the_step_and_its_output
                a_build_on_a_missing_image_is_reported_as_such
                a_directory_without_a_dockerfile_is_reported_as_such
                an_image_gets_another_name;
        }
    };
}

macro_rules! real_engine {
    ($tests:ident, $engine:ident) => {
        contract_tests! { $tests by $engine:
            reachability:
                a_published_port_answers_on_the_host
                a_port_of_another_process_is_reported_as_such
                names_and_aliases_resolve_within_a_network
                containers_of_two_networks_do_not_reach_each_other
                networks_stay_isolated_when_the_last_container_of_another_stops
                a_leftover_throwaway_container_does_not_block_its_network
                host_gateway_resolves;
            networks:
                a_successor_has_the_hardware_address_that_neighbours_cached
                a_container_reaches_its_gateway_while_others_start_and_stop
                a_container_reaches_both_its_gateways_while_others_start_and_stop;
            volumes:
                a_copied_volume_is_equal_to_its_source
                an_interrupted_copy_is_repeated;
            build:
                an_image_is_built_as_requested
                a_secret_argument_is_in_no_error
                an_argument_reaches_every_stage_of_its_own_build_only
                a_build_with_the_same_arguments_is_cached
                a_cancelled_build_ends;
            files:
                files_arrive_with_mode_and_owner
                existing_directories_are_unchanged
                existing_files_of_a_volume_are_kept;
            streams:
                a_quiet_container_can_be_followed
                stdout_and_stderr_are_distinguished
                only_the_last_lines_are_read_when_requested
                exec_passes_stdin_and_exit_code
                exec_runs_as_requested
                a_terminal_has_the_requested_size
                an_exec_of_a_missing_program_ends_with_an_error_code
                a_repeated_probe_ends_with_the_first_run_that_passes
                a_repeated_probe_that_never_passes_reports_its_last_run
                a_repeated_probe_reports_a_missing_shell
                a_probe_that_times_out_has_no_exit_code;
            exact:
                arguments_arrive_unchanged
                variables_and_labels_arrive_unchanged
                paths_arrive_unchanged
                hosts_arrive_unchanged
                health_checks_arrive_unchanged
                an_empty_entrypoint_clears_that_of_the_image
                all_other_fields_arrive_unchanged;
            process:
                limits_reach_the_kernel
                the_process_matches_the_spec
                an_init_is_process_1_when_requested
                mounts_match_the_spec
                the_grace_period_is_respected
                a_process_without_a_grace_period_is_signalled_before_it_is_killed
                the_declarations_of_an_image_are_read
                health_is_judged_by_the_specified_check
                a_probe_leaves_no_process_behind
                unscheduled_checks_are_listed
                a_disabled_check_is_none
                a_restart_policy_restarts_a_failed_container;
        }
    };
}

every_engine!(on_docker, docker);
every_engine!(on_podman, podman);
every_engine!(in_memory, memory);
real_engine!(docker_only, docker);
real_engine!(podman_only, podman);
