// As much of AngularJS, ui-router, angular-growl and Underscore as seed.js uses.
const handlers = {}
const growls = []
const $scope = {
  $on: (channel, handler) => (handlers[channel] ||= []).push(handler),
  $root: {
    $broadcast: (channel, event) => (handlers[channel] || []).forEach((handler) => handler({}, event)),
    $digest: () => {},
  },
}
const growl = { addInfoMessage: (message) => growls.push(message) }
const _ = {
  pairs: (object) => Object.entries(object),
  flatten: (array) => array.flat(Infinity),
  each: (array, callback) => array.forEach((item) => callback(item)),
}
const $stateProvider = {
  state: (_name, { controller }) => controller($scope, window.organization, window.user, {}, growl),
}
