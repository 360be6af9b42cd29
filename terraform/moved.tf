# A resource that gets another name moves, and is not deleted and made anew. A block
# stays until every environment was applied with it:
#
#   moved {
#     from = google_cloud_run_v2_service.function["old-name"]
#     to   = google_cloud_run_v2_service.function["new-name"]
#   }
#
# Cloud Run, Pub/Sub and identities can't be renamed by Google: there the new one is
# made beside the old one, whose subscription should be empty before it goes.

moved {
  from = google_sql_database_instance.main
  to   = google_sql_database_instance.main["souk"]
}

moved {
  from = google_sql_user.migrate
  to   = google_sql_user.migrate["souk"]
}
