//! The list of scenes, and how one is found by its name.
//!
//! *Promises*: one name, one scene.

use crate::lab::scenes::battle;
use crate::lab::scenes::convoy;
use crate::lab::scenes::free_threaded;
use crate::lab::scenes::no_force;
use crate::lab::scenes::per_interpreter;
use crate::lab::scenes::race;
use crate::lab::scenes::scene::Scene;
use crate::lab::scenes::signal_storm;
use crate::lab::scenes::starvation;

impl Scene {
    /// All scenes, in the order in which messages name them.
    pub const ALL: [&Scene; 8] = [
        &convoy::SCENE,
        &battle::SCENE,
        &race::SCENE,
        &starvation::SCENE,
        &no_force::SCENE,
        &signal_storm::SCENE,
        &per_interpreter::SCENE,
        &free_threaded::SCENE,
    ];

    /// The scene of this name.
    ///
    /// ```
    /// use singletrack::lab::scenes::scene::Scene;
    ///
    /// let title = "two threads that compute, against one";
    /// assert_eq!(Scene::from_name("battle").map(|scene| scene.title), Some(title));
    /// assert_eq!(Scene::from_name("peace"), None);
    /// ```
    pub fn from_name(name: &str) -> Option<&'static Scene> {
        Scene::ALL.into_iter().find(|scene| scene.name == name)
    }

    /// The names of those that run on simulated cores: `convoy, battle or no-force`.
    pub fn simulated_names() -> String {
        let all = Scene::ALL.into_iter().filter(|scene| scene.cannot_be_simulated().is_none());
        let names: Vec<&str> = all.map(|scene| scene.name).collect();
        match &names[..] {
            [] => String::new(),
            [only] => (*only).to_owned(),
            [rest @ .., last] => format!("{} or {last}", rest.join(", ")),
        }
    }
}
